/** `fathom stop` and `fathom restart`. */

import { defineCommand } from "../command.ts";
import { postToEach } from "../each.ts";

const FLAGS = {
  signal: { type: "string", short: "s", help: "Signal that asks the program to end" },
  timeout: { type: "int", short: "t", also: ["time"], help: "Seconds until it is killed; -1 never kills" },
} as const;

export const command = defineCommand({
  usage: "stop [OPTIONS] CONTAINER [CONTAINER...]",
  aliases: ["container stop", "stop"],
  operands: { min: 1 },
  flags: FLAGS,
  run: (context, { flags, operands }) =>
    postToEach(context, operands, { path: "stop", query: { signal: flags.signal, t: flags.timeout } }),
});

export const restart = defineCommand({
  usage: "restart [OPTIONS] CONTAINER [CONTAINER...]",
  aliases: ["container restart", "restart"],
  operands: { min: 1 },
  flags: FLAGS,
  run: (context, { flags, operands }) =>
    postToEach(context, operands, { path: "restart", query: { signal: flags.signal, t: flags.timeout } }),
});
