/** `fathom load`. */

import { isatty } from "node:tty";
import type { ProgressMessage } from "../../spec/docker_progress.ts";
import { defineCommand } from "../command.ts";
import { CommandError } from "../errors.ts";
import { jsonLines } from "../json_lines.ts";
import { print } from "../output.ts";
import { platformQuery } from "../platform.ts";

export const command = defineCommand({
  usage: "load [OPTIONS]",
  aliases: ["image load", "load"],
  operands: { min: 0, max: 0 },
  flags: {
    input: { type: "string", short: "i", help: "Read from a file instead of standard input" },
    platform: { type: "string", help: "Load only what is for this platform (os[/arch[/variant]])" },
    quiet: { type: "bool", short: "q", help: "Do not show how it goes" },
  },
  async run({ client }, { flags }) {
    const stream = await openSource(flags.input);
    const quiet = flags.quiet || !isatty(1);
    const query = { quiet, platform: platformQuery(flags.platform) };
    const reply = await client.send("POST", "/images/load", { query, stream });
    let shown = "";
    for await (const line of jsonLines<ProgressMessage & { error?: string }>(reply.body)) {
      if (line.error) throw new CommandError(line.error);
      if (line.stream) print(line.stream);
      // Bars are for terminals that redraw; each layer is told once.
      else if (line.id && line.id !== shown) print(`${line.id}: ${line.status}\n`);
      shown = line.id ?? shown;
    }
    return 0;
  },
});

async function openSource(path: string | undefined): Promise<AsyncIterable<Uint8Array>> {
  if (!path) {
    if (isatty(0)) throw new CommandError("requested load from stdin, but stdin is empty");
    return Bun.stdin.stream();
  }
  const file = Bun.file(path);
  if (!(await file.exists())) throw new CommandError(`open ${path}: no such file or directory`);
  return file.stream();
}
