/** What is said of the trash after a removal. */

import type { Trash } from "../spec/trash.ts";
import { formatDecimalSize } from "../std/units.ts";
import type { Context } from "./command.ts";
import { DaemonError } from "./errors.ts";
import { printError } from "./output.ts";

/** Says on standard error what the trash holds, if anything; Docker's daemon has none. */
export async function tellTrash({ client }: Context): Promise<void> {
  const trash = await client.json<Trash>("GET", "/system/trash").catch((error: unknown) => {
    if (error instanceof DaemonError) return undefined;
    throw error;
  });
  const latest = trash?.Items.at(-1)?.Until;
  if (trash === undefined || latest === undefined) return;
  const size = formatDecimalSize(trash.Bytes, 4);
  printError(
    `The trash keeps ${size} of what was removed until ${latest.slice(0, 16).replace("T", " ")} UTC: 'fathom trash ls' shows it, 'fathom trash empty' gives the room back now.\n`,
  );
}
