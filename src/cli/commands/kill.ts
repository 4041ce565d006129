/** `fathom kill`. */

import { defineCommand } from "../command.ts";
import { postToEach } from "../each.ts";

export const command = defineCommand({
  usage: "kill [OPTIONS] CONTAINER [CONTAINER...]",
  aliases: ["container kill", "kill"],
  operands: { min: 1 },
  flags: { signal: { type: "string", short: "s", help: "Signal to send; KILL when not given" } },
  run: (context, { flags, operands }) =>
    postToEach(context, operands, { path: "kill", query: { signal: flags.signal ?? "KILL" } }),
});
