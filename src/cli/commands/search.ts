/** `fathom search`. */

import type { ImageSearchResult } from "../../spec/docker_registry.ts";
import { defineCommand } from "../command.ts";
import { formatRows } from "../format/rows.ts";
import { checkFilter, filterQuery } from "../format/text.ts";
import { print } from "../output.ts";
import { authHeaders } from "../registry_auth/credentials.ts";

const HEADINGS = {
  Name: "NAME",
  Description: "DESCRIPTION",
  StarCount: "STARS",
  IsOfficial: "OFFICIAL",
  IsAutomated: "AUTOMATED",
};
/** Characters of a description that are shown. */
const ROOM = 45;

export const command = defineCommand({
  usage: "search [OPTIONS] TERM",
  operands: { min: 1, max: 1 },
  flags: {
    filter: {
      type: "list",
      short: "f",
      shows: "filter",
      help: "Show only what matches NAME=VALUE: is-official, stars",
      check: checkFilter,
    },
    format: { type: "string", help: "'table', 'table TEMPLATE', 'json', or a Go template" },
    limit: { type: "int", help: "Show so many results at most (1 to 100)" },
    "no-trunc": { type: "bool", help: "Leave nothing out" },
  },
  async run({ client, configDir }, { flags, operands: [term = ""] }) {
    const found = await client.json<ImageSearchResult[]>("GET", "/images/search", {
      query: { term, limit: flags.limit, filters: filterQuery(flags.filter) },
      headers: await authHeaders(configDir, term),
    });
    const rows = found.map((one) => rowOf(one, flags["no-trunc"]));
    const layout =
      flags.format && flags.format !== "table"
        ? flags.format
        : "table {{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}";
    print(formatRows({ rows, headings: HEADINGS, type: "*search.Context" }, layout));
    return 0;
  },
});

function rowOf({ name, description, star_count, is_official }: ImageSearchResult, whole: boolean) {
  const line = description.replaceAll("\n", " ").replaceAll("\r", " ");
  const characters = [...line];
  const short = characters.length > ROOM ? `${characters.slice(0, ROOM - 1).join("")}…` : line;
  return {
    Name: name,
    Description: whole ? line : short,
    StarCount: String(star_count),
    IsOfficial: is_official ? "[OK]" : "",
    IsAutomated: "",
  };
}
