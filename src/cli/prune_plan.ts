/** `--plan` and `--apply` of every prune: what would go, and removing that and nothing else. */

import { shortId } from "../spec/digest.ts";
import type { PruneItem, PruneKind, PruneOutcome, PrunePlan, PruneWishes } from "../spec/prune_plan.ts";
import { layOutTable } from "../std/text_table.ts";
import { formatDecimalSize } from "../std/units.ts";
import type { Context } from "./command.ts";
import { CommandError, UsageError } from "./errors.ts";
import { print } from "./output.ts";
import { reclaimed } from "./prune.ts";
import { tellTrash } from "./trash_note.ts";

/** Flags that every prune has beside Docker's. */
export const PLAN_FLAGS = {
  apply: { type: "string", shows: "PLAN", help: "Remove what a plan names and nothing else" },
  format: { type: "string", help: "Of a plan: 'table' or 'json'" },
  output: { type: "string", short: "o", shows: "FILE", help: "Write the plan to a file as well" },
  plan: { type: "bool", help: "Show what would be removed, its size and why, and remove nothing" },
} as const;

interface PlanFlags {
  apply: string | undefined;
  format: string | undefined;
  output: string | undefined;
  plan: boolean;
}

interface Wanted {
  kinds: PruneKind[];
  filters: readonly string[];
  allImages?: boolean;
  allVolumes?: boolean;
}

/** Does what the flags ask for and gives the exit code; undefined where they ask for an ordinary prune. */
export async function pruneByPlan(
  context: Context,
  flags: PlanFlags,
  wanted: Wanted,
): Promise<number | undefined> {
  if (flags.plan && flags.apply !== undefined)
    throw new CommandError("conflicting options: --plan makes a plan and --apply carries one out");
  if (flags.plan) return showPlan(context, flags, wanted);
  if (flags.output !== undefined || flags.format !== undefined)
    throw new CommandError("--output and --format are of a plan: give --plan");
  return flags.apply === undefined ? undefined : applyPlan(context, flags.apply, wanted.kinds);
}

async function showPlan({ client }: Context, { format, output }: PlanFlags, wanted: Wanted): Promise<number> {
  if (format !== undefined && format !== "table" && format !== "json")
    throw new UsageError(`unknown format ${JSON.stringify(format)}: it is table or json`);
  const wishes: PruneWishes = {
    Kinds: wanted.kinds,
    AllImages: wanted.allImages ?? false,
    AllVolumes: wanted.allVolumes ?? false,
    Filters: filtersOf(wanted.filters),
  };
  const plan = await client.json<PrunePlan>("POST", "/system/prune/plan", { json: wishes });
  const text = `${JSON.stringify(plan, null, 2)}\n`;
  if (output !== undefined) await Bun.write(output, text);
  print(format === "json" ? text : tableOf(plan));
  return 0;
}

function filtersOf(filters: readonly string[]): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const filter of filters) {
    const equals = filter.indexOf("=");
    // `label!=x` cuts into `label!` and `x`.
    const name = filter.slice(0, equals);
    found[name] = [...(found[name] ?? []), filter.slice(equals + 1)];
  }
  return found;
}

function tableOf({ Items, Bytes }: PrunePlan): string {
  const rows = Items.map(
    (item) => `${item.Type}\t${labelOf(item)}\t${formatDecimalSize(item.Bytes, 4)}\t${item.Rule}\n`,
  );
  const total = `Total: ${Items.length} to remove, ${formatDecimalSize(Bytes, 4)}\n`;
  return layOutTable(`TYPE\tNAME\tSIZE\tWHY\n${rows.join("")}`) + total;
}

function labelOf({ Type, ID, Names }: PruneItem): string {
  const id = Type === "volume" ? ID : shortId(ID);
  const names = Names.filter((name) => name !== ID).join(", ");
  return names === "" ? id : `${id} (${names})`;
}

async function applyPlan(context: Context, path: string, kinds: readonly PruneKind[]): Promise<number> {
  const plan = await readPlan(path);
  const other = plan.Items.find(({ Type }) => !kinds.includes(Type));
  if (other !== undefined)
    throw new CommandError(
      `${path} names a ${other.Type}: 'fathom system prune --apply' takes plans of every kind`,
    );
  const outcome = await context.client.json<PruneOutcome>("POST", "/system/prune/apply", { json: plan });
  for (const item of outcome.Removed) print(`removed ${item.Type} ${labelOf(item)}\n`);
  for (const { Item, Why } of outcome.Skipped) print(`skipped ${Item.Type} ${labelOf(Item)}: ${Why}\n`);
  print(reclaimed(outcome.SpaceReclaimed));
  await tellTrash(context);
  return 0;
}

async function readPlan(path: string): Promise<PrunePlan> {
  const text = await Bun.file(path)
    .text()
    .catch((cause: unknown) => {
      throw new CommandError(`the plan ${path} cannot be read`, 1, { cause });
    });
  try {
    const plan = JSON.parse(text) as PrunePlan;
    if (plan.Version === 1 && Array.isArray(plan.Items)) return plan;
  } catch (cause) {
    throw new CommandError(`${path} is no plan: make one with --plan --output ${path}`, 1, { cause });
  }
  throw new CommandError(`${path} is no plan that this version knows: make one with --plan --output ${path}`);
}
