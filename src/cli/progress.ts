/** Shows the messages of a pull or a push: on a terminal lines that change in their places, else each state once. */

import type { ProgressMessage } from "../spec/docker_progress.ts";
import { progressBar } from "../std/progress_bar.ts";
import { CommandError } from "./errors.ts";
import { jsonLines } from "./json_lines.ts";

interface Screen {
  write: (text: string) => void;
  /** Columns; undefined where it is no terminal. */
  width: number | undefined;
}

const ESC = "\x1b[";

/** @throws {CommandError} with the daemon's words, when one of the messages is an error */
export async function showProgress(
  body: AsyncIterable<Uint8Array>,
  screen: Screen,
  failureCode = 1,
): Promise<void> {
  const rows = new Map<string, number>();
  for await (const message of jsonLines<ProgressMessage>(body)) {
    const failure = message.errorDetail?.message ?? message.error;
    if (failure !== undefined) throw new CommandError(failure, failureCode);
    if (message.aux === undefined) show(message, rows, screen);
  }
}

/** Rows that change are counted from the last line that does not. */
function show(message: ProgressMessage, rows: Map<string, number>, { write, width }: Screen): void {
  const { id, status = "", progressDetail } = message;
  const { current = 0, total = 0 } = progressDetail ?? {};
  const bar = progressBar(current, total, width);
  const text = `${id ? `${id}: ` : ""}${status}`;
  if (id === undefined || progressDetail === undefined) rows.clear();
  if (width === undefined) {
    // Bars are for those who see them move.
    if (bar === "") write(`${text}\n`);
    return;
  }
  if (id === undefined || progressDetail === undefined) {
    write(`${text}\n`);
    return;
  }
  if (!rows.has(id)) {
    rows.set(id, rows.size);
    write("\n");
  }
  const up = rows.size - (rows.get(id) ?? 0);
  const line = `${text} ${bar}`.slice(0, Math.max(width - 1, 20));
  write(`${ESC}${up}A${ESC}2K\r${line}\r${ESC}${up}B`);
}
