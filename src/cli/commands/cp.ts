/** `fathom cp`. */

import { defineCommand } from "../command.ts";
import { parseOperand } from "../cp/paths.ts";
import { CommandError } from "../errors.ts";

export const command = defineCommand({
  usage: "cp [OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n\tfathom cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH",
  aliases: ["container cp", "cp"],
  operands: { min: 2, max: 2 },
  flags: {
    archive: { type: "bool", short: "a", help: "Give what is copied to the container's user" },
    "follow-link": { type: "bool", short: "L", help: "Follow a symbolic link at the end of SRC_PATH" },
    quiet: { type: "bool", short: "q", help: "Do not say what was copied" },
  },
  async run(context, { flags, operands: [from = "", to = ""] }) {
    if (from === "") throw new CommandError("source can not be empty");
    if (to === "") throw new CommandError("destination can not be empty");
    const [source, destination] = [parseOperand(from), parseOperand(to)];
    const { archive, "follow-link": followLink, quiet } = flags;
    const paths = { source: source.path, destination: destination.path };
    const container = source.container ?? destination.container;
    if (source.container !== undefined && destination.container !== undefined)
      throw new CommandError("copying between containers is not supported");
    if (container === undefined) throw new CommandError("must specify at least one container source");
    const { copyFrom, copyTo } = await import("../cp/copy.ts");
    const copy = source.container === undefined ? copyTo : copyFrom;
    await copy(context, { container, ...paths, archive, followLink, quiet });
    return 0;
  },
});
