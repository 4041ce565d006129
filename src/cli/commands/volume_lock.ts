/** `fathom volume lock` and `unlock`, which Docker does not have. */

import { type Context, defineCommand } from "../command.ts";
import { forEachName } from "../each.ts";
import { segment } from "../http/client.ts";

export const lockVolumes = defineCommand({
  usage: "volume lock VOLUME [VOLUME...]",
  operands: { min: 1 },
  flags: {},
  run: (context, { operands }) => postToEach(context, operands, "lock"),
});

export const unlockVolumes = defineCommand({
  usage: "volume unlock VOLUME [VOLUME...]",
  operands: { min: 1 },
  flags: {},
  run: (context, { operands }) => postToEach(context, operands, "unlock"),
});

function postToEach({ client }: Context, names: readonly string[], verb: "lock" | "unlock"): Promise<number> {
  return forEachName(names, async (name) => {
    await client.call("POST", `/volumes/${segment(name)}/${verb}`);
    return `${name}\n`;
  });
}
