/** How this program starts itself again in another role. */

import { fileURLToPath } from "node:url";

/** Options that keep Bun from reading `.env` and `bunfig.toml` of whatever directory a script is started in. */
const SCRIPT_OPTIONS = ["--no-env-file", "--config=/dev/null"];

/**
 * The command, program first, that runs this very program with `args` (a role and what follows it). A compiled executable is
 * its own program, and a script runs under the Bun that runs it now. Drop BUN_OPTIONS and BUN_BE_BUN from its environment.
 */
export function selfCommand(args: readonly string[]): string[] {
  // Modules of a compiled executable lie in Bun's virtual directory.
  if (import.meta.url.includes("/$bunfs/")) return [process.execPath, ...args];
  return [
    process.execPath,
    ...SCRIPT_OPTIONS,
    fileURLToPath(new URL("../main.ts", import.meta.url)),
    ...args,
  ];
}

/** The environment for such a start: ours, without what would change how Bun itself behaves. */
export function selfEnvironment(): Record<string, string | undefined> {
  const { BUN_OPTIONS: _options, BUN_BE_BUN: _beBun, ...rest } = process.env;
  return rest;
}
