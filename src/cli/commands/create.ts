/** `fathom create`. */

import { defineCommand } from "../command.ts";
import { print } from "../output.ts";
import { createRequest, streamsOf } from "../run/config.ts";
import { createContainer } from "../run/create.ts";
import { CREATE_FLAGS } from "../run/flags.ts";

export const command = defineCommand({
  usage: "create [OPTIONS] IMAGE [COMMAND] [ARG...]",
  aliases: ["container create", "create"],
  operands: { min: 1 },
  toFirstOperand: true,
  flags: CREATE_FLAGS,
  async run(context, call) {
    const { name, platform, pull, quiet, cidfile } = call.flags;
    const request = await createRequest(call, streamsOf(call.flags));
    print(`${await createContainer(context, request, { name, platform, pull, quiet, cidfile })}\n`);
    return 0;
  },
});
