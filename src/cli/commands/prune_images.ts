/** `fathom image prune`. */

import { defineCommand } from "../command.ts";
import { confirm } from "../confirm.ts";
import { checkFilter } from "../format/text.ts";
import { print } from "../output.ts";
import { pruneImages, reclaimed } from "../prune.ts";
import { PLAN_FLAGS, pruneByPlan } from "../prune_plan.ts";
import { tellTrash } from "../trash_note.ts";

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
    ...PLAN_FLAGS,
  },
  async run(context, { flags }) {
    const code = await pruneByPlan(context, flags, {
      kinds: ["image"],
      filters: flags.filter,
      allImages: flags.all,
    });
    if (code !== undefined) return code;
    const warning = `WARNING! This will remove ${flags.all ? ALL : DANGLING}.`;
    if (!flags.force && !(await confirm(warning))) return 0;
    const { text, bytes } = await pruneImages(context.client, { all: flags.all, filters: flags.filter });
    print(text + reclaimed(bytes));
    await tellTrash(context);
    return 0;
  },
});
