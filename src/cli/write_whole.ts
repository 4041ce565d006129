/** Writing what the daemon sends to a file. */

import { rename, rm } from "node:fs/promises";
import { messageOf } from "../std/errors.ts";
import { checkOutput } from "./cp/local.ts";
import { CommandError } from "./errors.ts";

/** Refuses what cannot be written to, before the daemon is asked. `failed` is what the sentence begins with. */
export async function checkTarget(path: string, failed: string): Promise<void> {
  await checkOutput(path).catch((cause) => {
    throw new CommandError(`${failed}: ${messageOf(cause)}`, 1, { cause });
  });
}

/** A file is there whole or not at all. */
export async function writeWhole(path: string, body: AsyncIterable<Uint8Array>): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  const sink = Bun.file(temporary).writer({ highWaterMark: 1024 * 1024 });
  try {
    for await (const piece of body) {
      sink.write(piece);
      await sink.flush();
    }
    await sink.end();
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
