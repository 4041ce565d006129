/** `fathom container prune`. */

import type { ContainerPruneResponse } from "../../spec/docker_files.ts";
import { formatDecimalSize } from "../../std/units.ts";
import { defineCommand } from "../command.ts";
import { confirm } from "../confirm.ts";
import { CommandError } from "../errors.ts";
import { checkFilter, filterQuery } from "../format/text.ts";
import { print } from "../output.ts";

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
  },
  async run({ client }, { flags }) {
    const warning = "WARNING! This will remove all stopped containers.";
    if (!flags.force && !(await confirm(warning)))
      throw new CommandError("container prune has been cancelled");
    const { ContainersDeleted, SpaceReclaimed } = await client.json<ContainerPruneResponse>(
      "POST",
      "/containers/prune",
      { query: { filters: filterQuery(flags.filter) } },
    );
    const deleted = ContainersDeleted ?? [];
    if (deleted.length > 0) print(`Deleted Containers:\n${deleted.join("\n")}\n\n`);
    print(`Total reclaimed space: ${formatDecimalSize(SpaceReclaimed, 4)}\n`);
    return 0;
  },
});
