/** `fathom update`. */

import { defineCommand } from "../command.ts";
import { forEachName } from "../each.ts";
import { CommandError } from "../errors.ts";
import { print } from "../output.ts";
import { LIMIT_FLAGS } from "../run/limit_flags.ts";
import { limitFields } from "../run/limits.ts";
import { parseRestartPolicy } from "../run/values.ts";

export const command = defineCommand({
  usage: "update [OPTIONS] CONTAINER [CONTAINER...]",
  aliases: ["container update", "update"],
  operands: { min: 1 },
  flags: LIMIT_FLAGS,
  async run({ client }, { flags, given, operands }) {
    if (given.size === 0)
      throw new CommandError("you must provide one or more flags when using this command");
    const json = {
      ...limitFields(flags),
      ...(flags.restart && { RestartPolicy: parseRestartPolicy(flags.restart) }),
    };
    const warnings: string[] = [];
    const code = await forEachName(operands, async (name) => {
      const path = `/containers/${encodeURIComponent(name)}/update`;
      const answer = await client.json<{ Warnings: string[] | null }>("POST", path, { json });
      warnings.push(...(answer.Warnings ?? []));
      return `${name}\n`;
    });
    if (warnings.length > 0) print(`${warnings.join("\n")}\n`);
    return code;
  },
});
