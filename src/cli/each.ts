/** Commands that do one thing to each of several names. */

import type { Context } from "./command.ts";
import { CommandError, DaemonError } from "./errors.ts";
import { print, printError } from "./output.ts";

/**
 * Acts on every name at once, then prints in their order what each gave, or what went wrong with it. The code is the errors' largest, 1 for
 * those of the daemon.
 */
export async function forEachName(
  names: readonly string[],
  act: (name: string) => Promise<string>,
): Promise<number> {
  const results = await Promise.allSettled(names.map(act));
  let code = 0;
  for (const result of results) {
    if (result.status === "fulfilled") print(result.value);
    else {
      if (!(result.reason instanceof DaemonError || result.reason instanceof CommandError))
        throw result.reason;
      printError(`${result.reason.message}\n`);
      code = Math.max(code, result.reason instanceof CommandError ? result.reason.code : 1);
    }
  }
  return code;
}

/** Posts an action to each container and prints its name when that is done. */
export function postToEach(
  { client }: Context,
  names: readonly string[],
  action: { path: string; query: Readonly<Record<string, string | number | undefined>> },
): Promise<number> {
  return forEachName(names, async (name) => {
    await client.call("POST", `/containers/${encodeURIComponent(name)}/${action.path}`, {
      query: action.query,
    });
    return `${name}\n`;
  });
}
