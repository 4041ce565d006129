/** `fathom system prune`. */

import type { PruneKind } from "../../spec/prune_plan.ts";
import { defineCommand } from "../command.ts";
import { confirm } from "../confirm.ts";
import { CommandError } from "../errors.ts";
import { checkFilter } from "../format/text.ts";
import { print } from "../output.ts";
import {
  pruneBuildCache,
  pruneContainers,
  pruneImages,
  pruneNetworks,
  pruneVolumes,
  reclaimed,
} from "../prune.ts";
import { PLAN_FLAGS, pruneByPlan } from "../prune_plan.ts";
import { tellTrash } from "../trash_note.ts";

interface Wishes {
  all: boolean;
  volumes: boolean;
  filter: readonly string[];
}

export const command = defineCommand({
  usage: "system prune [OPTIONS]",
  operands: { min: 0, max: 0 },
  flags: {
    all: { type: "bool", short: "a", help: "Remove unused images that have a tag too" },
    filter: {
      type: "list",
      shows: "filter",
      check: checkFilter,
      help: "Remove only what matches NAME=VALUE (label, label!, until)",
    },
    force: { type: "bool", short: "f", help: "Do not ask" },
    volumes: { type: "bool", help: "Remove anonymous volumes too" },
    ...PLAN_FLAGS,
  },
  async run(context, { flags }) {
    const { client } = context;
    const { all, filter: filters } = flags;
    // A volume does not say since when nobody uses it.
    if (flags.volumes && filters.some((filter) => filter.startsWith("until=")))
      throw new CommandError('ERROR: The "until" filter is not supported with "--volumes"');
    const kinds = ["container", "image", ...(flags.volumes || flags.apply ? ["volume"] : [])] as PruneKind[];
    const code = await pruneByPlan(context, flags, { kinds, filters, allImages: all });
    if (flags.plan && flags.format !== "json") print(NETWORKS);
    if (code !== undefined) return code;
    if (!flags.force && !(await confirm(warningOf(flags)))) return 0;
    // Containers first: what they used, nobody uses then.
    const steps = [
      () => pruneContainers(client, filters),
      () => pruneNetworks(client, filters),
      ...(flags.volumes ? [() => pruneVolumes(client, filters)] : []),
      () => pruneImages(client, { all, filters }),
      () => pruneBuildCache(client, { all, filters }),
    ];
    let total = 0;
    for (const prune of steps) {
      const { text, bytes } = await prune();
      print(text);
      total += bytes;
    }
    print(reclaimed(total));
    await tellTrash(context);
    return 0;
  },
});

const NETWORKS =
  "Networks take no room and are in no plan: 'fathom network prune' removes those that nobody uses.\n";

function warningOf({ all, volumes, filter }: Wishes): string {
  const what = [
    "all stopped containers",
    "all networks not used by at least one container",
    ...(volumes ? ["all anonymous volumes not used by at least one container"] : []),
    all ? "all images without at least one container associated to them" : "all dangling images",
    all ? "all build cache" : "unused build cache",
  ];
  const lines = (items: readonly string[]) => items.map((item) => `  - ${item}\n`).join("");
  const filters = [...filter].sort();
  return [
    "WARNING! This will remove:\n",
    lines(what),
    ...(filters.length > 0 ? ["\n  Items to be pruned will be filtered with:\n", lines(filters)] : []),
  ].join("");
}
