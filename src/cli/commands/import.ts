/** `fathom import`. */

import { defineCommand } from "../command.ts";
import { CommandError } from "../errors.ts";
import { jsonLines } from "../json_lines.ts";
import { print } from "../output.ts";
import { splitTag } from "../reference.ts";

export const command = defineCommand({
  usage: "import [OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
  aliases: ["image import", "import"],
  operands: { min: 1 },
  flags: {
    change: { type: "list", short: "c", help: "Apply a Dockerfile instruction to the image's configuration" },
    message: { type: "string", short: "m", help: "Comment on the image" },
    platform: { type: "string", help: "Platform of the image" },
  },
  async run({ client }, { flags, operands: [source = "", reference = ""] }) {
    const isUrl = /^https?:\/\//.test(source);
    const { name: repo, tag } = splitTag(reference);
    const { change: changes, message, platform } = flags;
    const reply = await client.send("POST", "/images/create", {
      query: { fromSrc: isUrl ? source : "-", message, repo: repo || undefined, tag, platform, changes },
      ...(!isUrl && { stream: await openSource(source) }),
    });
    for await (const line of jsonLines<{ status?: string; error?: string }>(reply.body)) {
      if (line.error) throw new CommandError(line.error);
      if (line.status) print(`${line.status}\n`);
    }
    return 0;
  },
});

async function openSource(source: string): Promise<AsyncIterable<Uint8Array>> {
  if (source === "-") return Bun.stdin.stream();
  const file = Bun.file(source);
  if (!(await file.exists())) throw new CommandError(`open ${source}: no such file or directory`);
  return file.stream();
}
