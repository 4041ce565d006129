/** `fathom history`. */

import type { HistoryRow } from "../../spec/docker_image.ts";
import { defineCommand } from "../command.ts";
import { HISTORY_HEADINGS, historyRow } from "../format/history.ts";
import { formatRows } from "../format/rows.ts";
import { segment } from "../http/client.ts";
import { print } from "../output.ts";
import { platformQuery } from "../platform.ts";

const LAYOUT = "table {{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}";

export const command = defineCommand({
  usage: "history [OPTIONS] IMAGE",
  aliases: ["image history", "history"],
  operands: { min: 1, max: 1 },
  flags: {
    format: { type: "string", help: "'table', 'table TEMPLATE', 'json', or a Go template" },
    human: { type: "bool", short: "H", initially: true, help: "Sizes and times as people read them" },
    "no-trunc": { type: "bool", help: "Leave nothing out" },
    platform: { type: "string", help: "Show that of this platform (os[/arch[/variant]])" },
    quiet: { type: "bool", short: "q", help: "Show IDs only" },
  },
  async run({ client }, { flags, operands: [name = ""] }) {
    const rows = await client.json<HistoryRow[]>("GET", `/images/${segment(name)}/history`, {
      query: { platform: platformQuery(flags.platform) },
    });
    const options = { whole: flags["no-trunc"], human: flags.human };
    const listing = {
      rows: rows.map((row) => historyRow(row, options)),
      headings: HISTORY_HEADINGS,
      type: "*image.historyContext",
    };
    const isTable = !flags.format || flags.format === "table";
    print(formatRows(listing, isTable ? (flags.quiet ? "{{.ID}}" : LAYOUT) : (flags.format ?? "")));
    return 0;
  },
});
