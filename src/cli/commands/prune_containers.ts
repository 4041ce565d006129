/** `fathom container prune`. */

import { defineCommand } from "../command.ts";
import { confirm } from "../confirm.ts";
import { checkFilter } from "../format/text.ts";
import { print } from "../output.ts";
import { pruneContainers, reclaimed } from "../prune.ts";
import { PLAN_FLAGS, pruneByPlan } from "../prune_plan.ts";

export const command = defineCommand({
  usage: "container prune [OPTIONS]",
  operands: { min: 0, max: 0 },
  flags: {
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
    const code = await pruneByPlan(context, flags, { kinds: ["container"], filters: flags.filter });
    if (code !== undefined) return code;
    const warning = "WARNING! This will remove all stopped containers.";
    if (!flags.force && !(await confirm(warning))) return 0;
    const { text, bytes } = await pruneContainers(context.client, flags.filter);
    print(text + reclaimed(bytes));
    return 0;
  },
});
