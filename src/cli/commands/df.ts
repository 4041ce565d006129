/** `fathom system df`. */

import type { DiskUsage } from "../../spec/docker_usage.ts";
import { defineCommand } from "../command.ts";
import { formatRows } from "../format/rows.ts";
import { USAGE_HEADINGS, usageRows } from "../format/usage.ts";
import { formatDetails, tellDetails } from "../format/usage_details.ts";
import { print } from "../output.ts";

const LAYOUT = "table {{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}";

export const command = defineCommand({
  usage: "system df [OPTIONS]",
  operands: { min: 0, max: 0 },
  flags: {
    format: { type: "string", help: "'table', 'table TEMPLATE', 'json', or a Go template" },
    verbose: { type: "bool", short: "v", help: "Show every image, container and volume" },
  },
  async run({ client }, { flags: { format, verbose } }) {
    const usage = await client.json<DiskUsage>("GET", "/system/df");
    const isTable = !format || format === "table";
    if (verbose) print(isTable ? tellDetails(usage) : formatDetails(usage, format));
    else {
      const listing = {
        rows: usageRows(usage),
        headings: USAGE_HEADINGS,
        type: "*formatter.diskUsageImagesContext",
      };
      print(formatRows(listing, isTable ? LAYOUT : format));
    }
    return 0;
  },
});
