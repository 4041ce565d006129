/** `fathom wait`. */

import type { ContainerWaitResponse } from "../../spec/docker.ts";
import { defineCommand } from "../command.ts";
import { forEachName } from "../each.ts";
import { CommandError } from "../errors.ts";

export const command = defineCommand({
  usage: "wait CONTAINER [CONTAINER...]",
  aliases: ["container wait", "wait"],
  operands: { min: 1 },
  flags: {},
  run: ({ client }, { operands }) =>
    forEachName(operands, async (name) => {
      const path = `/containers/${encodeURIComponent(name)}/wait`;
      const { StatusCode, Error: failure } = await client.json<ContainerWaitResponse>("POST", path);
      if (failure?.Message) throw new CommandError(failure.Message);
      return `${StatusCode}\n`;
    }),
});
