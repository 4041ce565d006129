/**
 * The user and group that `--userns-remap default` stands for, made where a host has none, with subordinate IDs that nobody else
 * has. By the host's own programs (useradd(8), usermod(8)), as dockerd does: they take the locks of these files, and know of what
 * else belongs to an account.
 */

import { FathomError } from "../std/errors.ts";
import { runProgram } from "./host.ts";

/** Docker's user of that purpose. */
export const DEFAULT_USER = "dockremap";

/** The system's files, as text. */
export interface AccountFiles {
  passwd: string;
  group: string;
  subuid: string;
  subgid: string;
}

/** As many as a user gets by default (login.defs(5), SUB_UID_COUNT), and where they begin. */
const COUNT = 65_536;
const FIRST = 100_000;
/** The last ID but for the two that mean none. */
const LAST = 2 ** 32 - 3;

/** @throws {FathomError} unsupported, where the host has no such programs; unavailable, with what one of them says. */
export async function makeDefaultUser(files: AccountFiles): Promise<void> {
  for (const command of commandsFor(files)) {
    const ended = await runProgram(command);
    if (ended === undefined)
      throw new FathomError(
        "unsupported",
        `--userns-remap default: ${command[0]} is not installed to make the user ${DEFAULT_USER}: install the package passwd (shadow-utils), or name a user that has subordinate IDs`,
      );
    if (ended.exitCode !== 0)
      throw new FathomError(
        "unavailable",
        `--userns-remap default: ${command.join(" ")} failed with ${ended.exitCode}: ${ended.stderr.trim()}`,
      );
  }
}

/** What makes that which is missing; nothing where all is there. Pure. @internal */
export function commandsFor(files: AccountFiles): string[][] {
  const commands: string[][] = [];
  const known = (text: string) => entries(text).some(([name]) => name === DEFAULT_USER);
  if (!known(files.passwd)) {
    const group = known(files.group) ? ["--gid", DEFAULT_USER] : ["--user-group"];
    const account = ["--system", "--no-create-home", "--shell", "/bin/false", ...group];
    commands.push(["useradd", ...account, DEFAULT_USER]);
  }
  const first = firstFree([...ranges(files.subuid), ...ranges(files.subgid)]);
  const range = `${first}-${first + COUNT - 1}`;
  if (!known(files.subuid)) commands.push(["usermod", "--add-subuids", range, DEFAULT_USER]);
  if (!known(files.subgid)) commands.push(["usermod", "--add-subgids", range, DEFAULT_USER]);
  return commands;
}

type Range = readonly [first: number, end: number];

/** The first place from FIRST on where COUNT of them overlap no range. @throws {FathomError} unavailable */
function firstFree(taken: readonly Range[]): number {
  let free = FIRST;
  for (const [first, end] of taken.toSorted(([a], [b]) => a - b))
    if (first < free + COUNT && end > free) free = end;
  if (free + COUNT - 1 <= LAST) return free;
  throw new FathomError(
    "unavailable",
    `--userns-remap default: /etc/subuid and /etc/subgid leave no ${COUNT} IDs in a row for ${DEFAULT_USER}: name a user that has some`,
  );
}

function ranges(text: string): Range[] {
  return entries(text).flatMap(([, first = "", count = ""]): Range[] =>
    /^\d+$/.test(first) && /^\d+$/.test(count) ? [[Number(first), Number(first) + Number(count)]] : [],
  );
}

/** Lines of passwd(5), group(5), subuid(5). */
function entries(text: string): string[][] {
  return text.split("\n").map((line) => line.trim().split(":"));
}
