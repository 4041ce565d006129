/** `fathom rm`. */

import { defineCommand } from "../command.ts";
import { forEachName } from "../each.ts";
import { CommandError, DaemonError } from "../errors.ts";

export const command = defineCommand({
  usage: "rm [OPTIONS] CONTAINER [CONTAINER...]",
  aliases: ["container rm", "container remove", "rm"],
  operands: { min: 1 },
  flags: {
    force: { type: "bool", short: "f", help: "Kill what runs; do not mind what is not there" },
    link: { type: "bool", short: "l", help: "Remove the link of this name" },
    volumes: { type: "bool", short: "v", help: "Remove its anonymous volumes too" },
  },
  run: ({ client }, { flags, operands }) =>
    forEachName(operands, async (name) => {
      const path = `/containers/${encodeURIComponent(name.replace(/^\/+/, ""))}`;
      try {
        await client.call("DELETE", path, {
          query: { force: flags.force, link: flags.link, v: flags.volumes },
        });
      } catch (error) {
        if (!(flags.force && error instanceof DaemonError && error.status === 404)) throw error;
        // What is not there cannot be removed; -f says so and does not mind.
        throw new CommandError(error.message, 0, { cause: error });
      }
      return `${name}\n`;
    }),
});
