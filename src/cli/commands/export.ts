/** `fathom export`. */

import { isatty } from "node:tty";
import { defineCommand } from "../command.ts";
import { CommandError } from "../errors.ts";
import { copyRaw } from "../streams.ts";
import { checkTarget, writeWhole } from "../write_whole.ts";

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
    if (output) await checkTarget(output, "failed to export container");
    const reply = await client.send("GET", `/containers/${encodeURIComponent(name)}/export`);
    if (output) await writeWhole(output, reply.body);
    else await copyRaw(reply.body);
    return 0;
  },
});
