/** `fathom trash`, which Docker does not have: what was removed and may be had back for a while. */

import type { KeptItem, Restored, Trash } from "../../spec/trash.ts";
import { layOutTable } from "../../std/text_table.ts";
import { formatDecimalSize } from "../../std/units.ts";
import { defineCommand } from "../command.ts";
import { confirm } from "../confirm.ts";
import { forEachName } from "../each.ts";
import { UsageError } from "../errors.ts";
import { segment } from "../http/client.ts";
import { print, printError } from "../output.ts";
import { reclaimed } from "../prune.ts";

export const listTrash = defineCommand({
  usage: "trash ls [OPTIONS]",
  aliases: ["trash ls", "trash list"],
  operands: { min: 0, max: 0 },
  flags: {
    format: { type: "string", help: "'table' or 'json'" },
    quiet: { type: "bool", short: "q", help: "Show IDs only" },
  },
  async run({ client }, { flags: { format, quiet } }) {
    if (format !== undefined && format !== "table" && format !== "json")
      throw new UsageError(`unknown format ${JSON.stringify(format)}: it is table or json`);
    const trash = await client.json<Trash>("GET", "/system/trash");
    if (format === "json") print(`${JSON.stringify(trash, null, 2)}\n`);
    else print(quiet ? trash.Items.map(({ ID }) => `${ID}\n`).join("") : tableOf(trash.Items));
    return 0;
  },
});

function tableOf(items: readonly KeptItem[]): string {
  const minute = (time: string) => time.slice(0, 16).replace("T", " ");
  const rows = items.map((item) =>
    [
      ...[item.ID, item.Type, item.Names.join(", ") || "<none>", formatDecimalSize(item.Bytes, 4)],
      ...[minute(item.RemovedAt), item.Reason, minute(item.Until)],
    ].join("\t"),
  );
  const heading = "TRASH ID\tTYPE\tNAME\tSIZE\tREMOVED (UTC)\tBY\tUNTIL (UTC)";
  return layOutTable(`${[heading, ...rows].join("\n")}\n`);
}

export const restoreTrash = defineCommand({
  usage: "trash restore ID [ID...]",
  operands: { min: 1 },
  flags: {},
  run: ({ client }, { operands }) =>
    forEachName(operands, async (id) => {
      const restored = await client.json<Restored>("POST", `/system/trash/${segment(id)}/restore`);
      for (const name of restored.Taken) printError(`${name} names another image by now, and still does.\n`);
      return `restored ${restored.Type} ${restored.Names.join(", ") || "without a name"}\n`;
    }),
});

export const emptyTrash = defineCommand({
  usage: "trash empty [OPTIONS] [ID...]",
  operands: { min: 0 },
  flags: { force: { type: "bool", short: "f", help: "Do not ask" } },
  async run({ client }, { flags, operands }) {
    const what = operands.length === 0 ? "everything in the trash" : `${operands.join(", ")} from the trash`;
    if (!flags.force && !(await confirm(`WARNING! This will remove ${what} for good.`))) return 0;
    const { Bytes } = await client.json<Trash>("DELETE", "/system/trash", { query: { id: operands } });
    print(reclaimed(Bytes));
    return 0;
  },
});
