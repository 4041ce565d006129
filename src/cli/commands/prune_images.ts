/** `fathom image prune`. */

import { defineCommand } from "../command.ts";
import { confirm } from "../confirm.ts";
import { checkFilter } from "../format/text.ts";
import { print } from "../output.ts";
import { pruneImages, reclaimed } from "../prune.ts";

const DANGLING = "all dangling images";
const ALL = "all images without at least one container associated to them";

export const command = defineCommand({
  usage: "image prune [OPTIONS]",
  operands: { min: 0, max: 0 },
  flags: {
    all: { type: "bool", short: "a", help: "Remove unused images that have a tag too" },
    filter: {
      type: "list",
      shows: "filter",
      check: checkFilter,
      help: "Remove only what matches NAME=VALUE (until, label, label!)",
    },
    force: { type: "bool", short: "f", help: "Do not ask" },
  },
  async run({ client }, { flags }) {
    const warning = `WARNING! This will remove ${flags.all ? ALL : DANGLING}.`;
    if (!flags.force && !(await confirm(warning))) return 0;
    const { text, bytes } = await pruneImages(client, { all: flags.all, filters: flags.filter });
    print(text + reclaimed(bytes));
    return 0;
  },
});
