/** `--platform` as the API takes it. */

import { CommandError } from "./errors.ts";

const PLATFORM = /^([A-Za-z0-9_.-]+)(?:\/([A-Za-z0-9_-]+)(?:\/([A-Za-z0-9_.-]+))?)?$/;
/** What else people call an architecture. */
const SYNONYMS: Readonly<Record<string, string>> = { x86_64: "amd64", "x86-64": "amd64", aarch64: "arm64" };
const OWN: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

/** `linux/arm64/v8` as JSON; an architecture alone means Linux, a system alone this host's architecture. */
export function platformQuery(text: string | undefined): string | undefined {
  if (!text) return undefined;
  const [, first = "", second, variant] = PLATFORM.exec(text.toLowerCase()) ?? [];
  if (first === "")
    throw new CommandError(`invalid platform: ${JSON.stringify(text)} is not os[/arch[/variant]]`);
  const isSystem = second !== undefined || /^(linux|windows|darwin|freebsd)$/.test(first);
  const os = isSystem ? first : "linux";
  const architecture = second ?? (isSystem ? (OWN[process.arch] ?? process.arch) : first);
  return JSON.stringify({
    architecture: SYNONYMS[architecture] ?? architecture,
    os,
    ...(variant !== undefined && { variant }),
  });
}
