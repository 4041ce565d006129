/** `fathom fsck`, which Docker does not have: what of images, layers, volumes and the trash is damaged, and mending it. */

import type { Examination } from "../../spec/doctor.ts";
import { defineCommand } from "../command.ts";
import { UsageError } from "../errors.ts";
import { isClean, tellFindings } from "../findings.ts";
import { print } from "../output.ts";

export const command = defineCommand({
  usage: "fsck [OPTIONS]",
  operands: { min: 0, max: 0 },
  flags: {
    deep: {
      type: "bool",
      help: "Read every blob and layer, and hold them against their digests and archives",
    },
    fix: { type: "bool", help: "Mend what can be mended without losing anything" },
    format: { type: "string", help: "'json', or text" },
  },
  async run({ client }, { flags: { deep, fix, format } }) {
    if (format && format !== "json")
      throw new UsageError(`unknown format ${JSON.stringify(format)}: it is json or none`);
    const query = { deep };
    const examination = await (fix
      ? client.json<Examination>("POST", "/system/fsck/fix", { query })
      : client.json<Examination>("GET", "/system/fsck", { query }));
    print(
      format === "json"
        ? `${JSON.stringify(examination, null, 2)}\n`
        : tellFindings(examination, "fathom fsck"),
    );
    return isClean(examination) ? 0 : 1;
  },
});
