/** `fathom export`. */

import { rename, rm } from "node:fs/promises";
import { isatty } from "node:tty";
import { messageOf } from "../../std/errors.ts";
import { defineCommand } from "../command.ts";
import { checkOutput } from "../cp/local.ts";
import { CommandError } from "../errors.ts";
import { copyRaw } from "../streams.ts";

export const command = defineCommand({
  usage: "export [OPTIONS] CONTAINER",
  aliases: ["container export", "export"],
  operands: { min: 1, max: 1 },
  flags: {
    output: { type: "string", short: "o", help: "Write to a file instead of standard output" },
  },
  async run({ client }, { flags: { output }, operands: [name = ""] }) {
    if (!output && isatty(1))
      throw new CommandError("cowardly refusing to save to a terminal. Use the -o flag or redirect");
    if (output) {
      await checkOutput(output).catch((cause) => {
        throw new CommandError(`failed to export container: ${messageOf(cause)}`, 1, { cause });
      });
    }
    const reply = await client.send("GET", `/containers/${encodeURIComponent(name)}/export`);
    if (output) await writeWhole(output, reply.body);
    else await copyRaw(reply.body);
    return 0;
  },
});

/** A file is there whole or not at all. */
async function writeWhole(path: string, body: AsyncIterable<Uint8Array>): Promise<void> {
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
