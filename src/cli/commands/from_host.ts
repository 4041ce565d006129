/** `fathom image from-host`, which Docker does not have: an image without a registry. */

import { defineCommand } from "../command.ts";
import { gather, makeImage } from "../from_host/mod.ts";
import { print } from "../output.ts";

export const command = defineCommand({
  usage: "image from-host [OPTIONS] PROGRAM [PROGRAM...]",
  operands: { min: 1 },
  flags: { tag: { type: "string", short: "t", help: "Name of the image: NAME[:TAG]" } },
  async run(context, { flags, operands }) {
    print(`${await makeImage(context, await gather(operands), flags.tag ?? "")}\n`);
    return 0;
  },
});
