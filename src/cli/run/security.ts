/** `--security-opt`: what the command line makes of it before the daemon sees it. */

import type { HostConfig } from "../../spec/docker.ts";
import { messageOf } from "../../std/errors.ts";
import { CommandError } from "../errors.ts";

/** With the text of a seccomp profile in place of its file's name; `systempaths=unconfined` is said by empty lists. */
export async function readSecurity(
  options: readonly string[],
): Promise<Pick<HostConfig, "SecurityOpt" | "MaskedPaths" | "ReadonlyPaths">> {
  const unconfined = options.includes("systempaths=unconfined");
  const rest = options.filter((option) => option !== "systempaths=unconfined");
  const SecurityOpt = await Promise.all(rest.map(readOption));
  return {
    ...(SecurityOpt.length > 0 && { SecurityOpt }),
    ...(unconfined && { MaskedPaths: [], ReadonlyPaths: [] }),
  };
}

async function readOption(option: string): Promise<string> {
  const [, key, value = ""] = /^([^=:]+)[=:]([\s\S]*)$/.exec(option) ?? [];
  if (key === undefined && option !== "no-new-privileges")
    throw new CommandError(`Invalid --security-opt: ${JSON.stringify(option)}`, 125);
  if (key !== "seccomp" || value === "unconfined" || value === "builtin") return option;
  try {
    return `seccomp=${JSON.stringify(JSON.parse(await Bun.file(value).text()))}`;
  } catch (error) {
    const what =
      error instanceof SyntaxError ? "compacting json for seccomp profile" : "opening seccomp profile";
    const reason =
      error instanceof Error && "code" in error && error.code === "ENOENT"
        ? `open ${value}: no such file or directory`
        : messageOf(error);
    throw new CommandError(`${what} (${value}) failed: ${reason}`, 125, { cause: error });
  }
}
