/** `fathom rename`. */

import { defineCommand } from "../command.ts";
import { CommandError, DaemonError } from "../errors.ts";
import { printError } from "../output.ts";

export const command = defineCommand({
  usage: "rename CONTAINER NEW_NAME",
  aliases: ["container rename", "rename"],
  operands: { min: 2, max: 2 },
  flags: {},
  async run({ client }, { operands: [name = "", newName = ""] }) {
    try {
      await client.call("POST", `/containers/${encodeURIComponent(name)}/rename`, {
        query: { name: newName },
      });
      return 0;
    } catch (error) {
      if (!(error instanceof DaemonError)) throw error;
      printError(`${error.message}\n`);
      throw new CommandError(`Error: failed to rename container named ${name}`, 1, { cause: error });
    }
  },
});
