/** `fathom ps`. */

import type { ContainerSummary } from "../../spec/docker.ts";
import { defineCommand } from "../command.ts";
import { CONTAINER_HEADINGS, containerRow } from "../format/containers.ts";
import { formatRows } from "../format/rows.ts";
import { checkFilter, filterQuery } from "../format/text.ts";
import { print, printError } from "../output.ts";

const COLUMNS = [
  "{{.ID}}",
  "{{.Image}}",
  "{{.Command}}",
  "{{.RunningFor}}",
  "{{.Status}}",
  "{{.Ports}}",
  "{{.Names}}",
];

export const command = defineCommand({
  usage: "ps [OPTIONS]",
  aliases: ["container ls", "container list", "container ps", "ps"],
  operands: { min: 0, max: 0 },
  flags: {
    all: { type: "bool", short: "a", help: "Show all containers, not just those that run" },
    filter: {
      type: "list",
      short: "f",
      shows: "filter",
      help: "Show only what matches NAME=VALUE",
      check: checkFilter,
    },
    format: { type: "string", help: "'table', 'table TEMPLATE', 'json', or a Go template" },
    last: { type: "int", short: "n", help: "Show the N containers created last, in any state" },
    latest: { type: "bool", short: "l", help: "Show the container created last, in any state" },
    "no-trunc": { type: "bool", help: "Leave nothing out" },
    quiet: { type: "bool", short: "q", help: "Show IDs only" },
    size: { type: "bool", short: "s", help: "Show how much each container has written" },
  },
  async run({ client }, { flags }) {
    const format = flags.format || "table";
    const containers = await client.json<ContainerSummary[]>("GET", "/containers/json", {
      query: {
        all: flags.all,
        limit: flags.latest ? 1 : flags.last && flags.last > 0 ? flags.last : undefined,
        size: flags.size || /\.Size|json \. *\}\}/.test(format),
        filters: filterQuery(flags.filter),
      },
    });
    if (flags.quiet && flags.format && flags.format !== "table") {
      printError("WARNING: Ignoring custom format, because both --format and --quiet are set.\n");
    }
    const rows = containers.map((container) => containerRow(container, flags["no-trunc"]));
    print(
      formatRows(
        { rows, headings: CONTAINER_HEADINGS, type: "*formatter.ContainerContext" },
        layout(format, flags),
      ),
    );
    return 0;
  },
});

function layout(format: string, { quiet, size }: { quiet: boolean; size: boolean }): string {
  if (quiet) return format === "raw" ? "container_id: {{.ID}}" : "{{.ID}}";
  if (format === "raw") return rawLayout(size);
  if (format !== "table") return format;
  return `table ${[...COLUMNS, ...(size ? ["{{.Size}}"] : [])].join("\t")}`;
}

function rawLayout(size: boolean): string {
  const fields =
    "container_id=ID image=Image command=Command created_at=CreatedAt state=State status=Status names=Names labels=Labels ports=Ports";
  const lines = fields.split(" ").map((pair) => pair.replace(/=(\w+)/, (_, field) => `: {{.${field}}}`));
  // Fields that may be empty leave no blank behind their colon.
  const text = lines.join("\n").replace(/(labels|ports): \{\{(.*?)\}\}/g, "$1:{{if $2}} {{$2}}{{end}}");
  return size ? `${text}\nsize: {{.Size}}\n` : `${text}\n`;
}
