/** `fathom pause` and `fathom unpause`. */

import { defineCommand } from "../command.ts";
import { postToEach } from "../each.ts";

export const command = defineCommand({
  usage: "pause CONTAINER [CONTAINER...]",
  aliases: ["container pause", "pause"],
  operands: { min: 1 },
  flags: {},
  run: (context, { operands }) => postToEach(context, operands, { path: "pause", query: {} }),
});

export const unpause = defineCommand({
  usage: "unpause CONTAINER [CONTAINER...]",
  aliases: ["container unpause", "unpause"],
  operands: { min: 1 },
  flags: {},
  run: (context, { operands }) => postToEach(context, operands, { path: "unpause", query: {} }),
});
