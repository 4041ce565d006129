/** `fathom save`. */

import { isatty } from "node:tty";
import { defineCommand } from "../command.ts";
import { CommandError } from "../errors.ts";
import { platformQuery } from "../platform.ts";
import { copyRaw } from "../streams.ts";
import { checkTarget, writeWhole } from "../write_whole.ts";

export const command = defineCommand({
  usage: "save [OPTIONS] IMAGE [IMAGE...]",
  aliases: ["image save", "save"],
  operands: { min: 1 },
  flags: {
    output: { type: "string", short: "o", help: "Write to a file instead of standard output" },
    platform: { type: "string", help: "Save only what is for this platform (os[/arch[/variant]])" },
  },
  async run({ client }, { flags: { output, platform }, operands: names }) {
    if (!output && isatty(1))
      throw new CommandError("cowardly refusing to save to a terminal. Use the -o flag or redirect");
    if (output) await checkTarget(output, "failed to save image");
    const query = { names, platform: platformQuery(platform) };
    const reply = await client.send("GET", "/images/get", { query });
    if (output) await writeWhole(output, reply.body);
    else await copyRaw(reply.body);
    return 0;
  },
});
