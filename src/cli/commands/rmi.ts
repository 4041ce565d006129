/** `fathom rmi`. */

import type { ImageDeleteResponse } from "../../spec/docker.ts";
import { defineCommand } from "../command.ts";
import { forEachName } from "../each.ts";
import { CommandError, DaemonError } from "../errors.ts";
import { segment } from "../http/client.ts";
import { platformQuery } from "../platform.ts";

export const command = defineCommand({
  usage: "rmi [OPTIONS] IMAGE [IMAGE...]",
  aliases: ["image rm", "image remove", "rmi"],
  operands: { min: 1 },
  flags: {
    force: { type: "bool", short: "f", help: "Remove it although containers or other names use it" },
    "no-prune": { type: "bool", help: "Keep its parents that have no name" },
    platform: { type: "list", help: "Remove only what is for this platform (os[/arch[/variant]])" },
  },
  run: ({ client }, { flags, operands }) =>
    forEachName(operands, async (name) => {
      try {
        const platforms = flags.platform.flatMap((platform) => platformQuery(platform) ?? []);
        const query = { force: flags.force, noprune: flags["no-prune"], platforms };
        const removed = await client.json<ImageDeleteResponse[]>("DELETE", `/images/${segment(name)}`, {
          query,
        });
        return removed
          .map((part) => ("Untagged" in part ? `Untagged: ${part.Untagged}\n` : `Deleted: ${part.Deleted}\n`))
          .join("");
      } catch (error) {
        if (!(flags.force && error instanceof DaemonError && error.status === 404)) throw error;
        // What is not there cannot be removed; -f says so and does not mind.
        throw new CommandError(error.message, 0, { cause: error });
      }
    }),
});
