/** Writing what an OCI runtime reads. */

import type { Process, Rlimit, RuntimeConfig } from "./oci_runtime.ts";

declare global {
  interface JSON {
    /** A value that JSON.stringify writes as it stands (ECMAScript, JSON.parse source text access). */
    rawJSON(text: string): object;
  }
}

/** The text of a bundle's config.json. */
export function configText(config: RuntimeConfig): string {
  return JSON.stringify({ ...config, process: exactLimits(config.process) });
}

/** The text of a process that joins a container: `runc exec --process`. */
export function processText(process: Process): string {
  return JSON.stringify(exactLimits(process));
}

const INFINITY = 2 ** 64;

/** RLIM_INFINITY is 2^64 - 1, which no number of JavaScript holds: to the digit, for runtimes read it as 64 bits or not at all. */
function exactLimits(process: Process): object {
  if (process.rlimits === undefined) return process;
  const exact = (limit: number) =>
    limit < 0 || limit >= INFINITY ? JSON.rawJSON(String(2n ** 64n - 1n)) : limit;
  const rlimits = process.rlimits.map(({ type, soft, hard }: Rlimit) => ({
    type,
    soft: exact(soft),
    hard: exact(hard),
  }));
  return { ...process, rlimits };
}
