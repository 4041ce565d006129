/**
 * `fathom squash`, which Docker has only as a part of a build: merges the layers of an image.
 *
 * Without an image it is a filter between `docker save` and `docker load`, which needs no daemon and no root: a process of the engine's
 * own code does it, since the command line does not know what layers are.
 */

import { isatty } from "node:tty";
import type { Squashed } from "../../spec/image_layers.ts";
import { selfCommand, selfEnvironment } from "../../std/self.ts";
import { formatDecimalSize } from "../../std/units.ts";
import { defineCommand } from "../command.ts";
import { CommandError } from "../errors.ts";
import { segment } from "../http/client.ts";
import { print, printError } from "../output.ts";

export const command = defineCommand({
  usage: "squash [OPTIONS] [IMAGE]",
  aliases: ["image squash", "squash"],
  operands: { min: 0, max: 1 },
  flags: {
    from: {
      type: "string",
      help: "Merge what is above this: a layer's digest or ID, a line of the history counted from the first, or an image",
    },
    tag: { type: "string", short: "t", help: "Name of the new image (name[:tag])" },
  },
  async run({ client }, { flags: { from, tag }, operands: [image] }) {
    if (image === undefined) return filter({ from, tag });
    const query = { ...(from && { from }), ...(tag && { t: tag }) };
    const done = await client.json<Squashed>("POST", `/images/${segment(image)}/squash`, { query });
    const size = (bytes: number) => formatDecimalSize(bytes, 4);
    printError(
      `${done.Layers.Before} layers of ${size(done.Size.Before)} became ${done.Layers.After} of ${size(done.Size.After)}\n`,
    );
    print(`${done.Id}\n`);
    return 0;
  },
});

/** Reads an archive of images from standard input, and writes one to standard output. */
async function filter({ from, tag }: Record<"from" | "tag", string | undefined>): Promise<number> {
  if (isatty(0))
    throw new CommandError(
      "say which image to squash, or give an archive: docker save IMAGE | fathom squash | docker load",
    );
  if (isatty(1))
    throw new CommandError("refusing to write an archive to a terminal: pipe it to docker load, or redirect");
  const wishes = JSON.stringify({ from: from || undefined, tag: tag || undefined });
  const filtering = Bun.spawn(selfCommand(["daemon", "squash", wishes]), {
    env: selfEnvironment(),
    stdio: ["inherit", "inherit", "inherit"],
  });
  return filtering.exited;
}
