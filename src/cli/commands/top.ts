/** `fathom top`. */

import type { ContainerTop } from "../../spec/docker.ts";
import { layOutTable } from "../../std/text_table.ts";
import { defineCommand } from "../command.ts";
import { print } from "../output.ts";

const MIN_WIDTH = 20;

export const command = defineCommand({
  usage: "top CONTAINER [ps OPTIONS]",
  aliases: ["container top", "top"],
  operands: { min: 1 },
  toFirstOperand: true,
  flags: {},
  async run({ client }, { operands: [name = "", ...options] }) {
    const { Titles, Processes } = await client.json<ContainerTop>(
      "GET",
      `/containers/${encodeURIComponent(name)}/top`,
      {
        query: { ps_args: options.join(" ") || undefined },
      },
    );
    const rows = [Titles, ...(Processes ?? [])].map((row) => `${row.join("\t")}\n`);
    print(layOutTable(rows.join(""), MIN_WIDTH));
    return 0;
  },
});
