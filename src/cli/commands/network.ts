/** `fathom network ls` and `prune`; its other verbs are in network_create.ts, network_connect.ts and inspect.ts. */

import type { NetworkResource } from "../../spec/docker_network.ts";
import { defineCommand } from "../command.ts";
import { confirm } from "../confirm.ts";
import { NETWORK_HEADINGS, networkRow } from "../format/networks.ts";
import { formatRows } from "../format/rows.ts";
import { checkFilter, filterQuery } from "../format/text.ts";
import { print } from "../output.ts";
import { pruneNetworks } from "../prune.ts";

export const listNetworks = defineCommand({
  usage: "network ls [OPTIONS]",
  aliases: ["network ls", "network list"],
  operands: { min: 0, max: 0 },
  flags: {
    filter: {
      type: "list",
      short: "f",
      shows: "filter",
      help: "Show only what matches NAME=VALUE",
      check: checkFilter,
    },
    format: { type: "string", help: "'table', 'table TEMPLATE', 'json', or a Go template" },
    "no-trunc": { type: "bool", help: "Leave nothing out" },
    quiet: { type: "bool", short: "q", help: "Show IDs only" },
  },
  async run({ client }, { flags }) {
    const query = { filters: filterQuery(flags.filter) };
    const networks = await client.json<NetworkResource[]>("GET", "/networks", { query });
    const { compare } = new Intl.Collator("en", { numeric: true });
    const rows = networks
      .sort((a, b) => compare(a.Name, b.Name))
      .map((network) => networkRow(network, { whole: flags["no-trunc"] }));
    print(formatRows({ rows, headings: NETWORK_HEADINGS, type: "*formatter.networkContext" }, layout(flags)));
    return 0;
  },
});

export const pruneCommand = defineCommand({
  usage: "network prune [OPTIONS]",
  operands: { min: 0, max: 0 },
  flags: {
    filter: {
      type: "list",
      shows: "filter",
      check: checkFilter,
      help: "Remove only what matches NAME=VALUE (until, label, label!)",
    },
    force: { type: "bool", short: "f", help: "Do not ask" },
  },
  async run({ client }, { flags }) {
    const warning = "WARNING! This will remove all custom networks not used by at least one container.";
    if (!flags.force && !(await confirm(warning))) return 0;
    print((await pruneNetworks(client, flags.filter)).text);
    return 0;
  },
});

function layout({ format, quiet }: { format: string | undefined; quiet: boolean }): string {
  if (format && format !== "table") return format;
  return quiet ? "{{.ID}}" : "table {{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}";
}
