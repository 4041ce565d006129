/** The same bundle with each runtime, for tests of what the OCI specification asks for. */

import { existsSync } from "node:fs";
import type { RuntimeConfig } from "../spec/oci_runtime.ts";
import { dockerConfig, dockerProcess, runToEnd, type TestBundles } from "./_test_bundle.ts";
import { runtimeFor } from "./mod.ts";

const RUNC = "/usr/sbin/runc";
/** The runtimes of this host that are tested. */
export const NAMES = existsSync(RUNC) ? ["native", RUNC] : ["native"];

/** What a test's configuration has other than Docker's. */
export type Change = (config: RuntimeConfig) => void;

let count = 0;

/** What a shell's script writes, without the last newline. */
export async function runScript(
  bundles: TestBundles,
  runtime: string,
  { script, change }: { script: string; change?: Change | undefined },
): Promise<string> {
  const config = dockerConfig(bundles.root, dockerProcess(["sh", "-c", script]));
  change?.(config);
  const id = `oci-${process.pid}-${count++}`;
  const { output } = await runToEnd(await runtimeFor(runtime), { id, bundle: bundles.write(id, config) });
  return output.trimEnd();
}
