/** `docker container prune`: takes away every container that is not up, or those of them that filters choose. */

import type { ContainerPruneResponse } from "../spec/docker_files.ts";
import type { PruneItem } from "../spec/prune_plan.ts";
import { FathomError, kindOf } from "../std/errors.ts";
import { pastTime } from "../std/past_time.ts";
import { type Container, nameOf } from "./container.ts";
import type { Context } from "./context.ts";
import { type Filters, hasLabel } from "./filters.ts";
import { isUp } from "./state.ts";

type Test = (container: Container) => boolean;

/** @throws {FathomError} invalid, for a filter. A container that cannot be removed stays, and that is logged. */
export async function pruneContainers(context: Context, filters: Filters): Promise<ContainerPruneResponse> {
  const matches = pruneTest(filters);
  const deleted: string[] = [];
  let reclaimed = 0;
  for (const container of context.registry.all()) {
    if (!matches(container)) continue;
    const size = await pruneOne(context, container);
    if (size === undefined) continue;
    deleted.push(nameOf(container).id);
    reclaimed += size;
  }
  context.options.emit({ action: "prune", id: "", attributes: { reclaimed: String(reclaimed) } });
  return { ContainersDeleted: deleted.length > 0 ? deleted : null, SpaceReclaimed: reclaimed };
}

/** The bytes that it gave back; undefined where it stays. */
async function pruneOne(context: Context, container: Container): Promise<number | undefined> {
  const { images, warn } = context.options;
  const { id } = nameOf(container);
  return container.exclusive(async () => {
    // Somebody may have started or removed it meanwhile.
    if (!isIdle(container)) return undefined;
    try {
      const { rw } = await images.sizes(id);
      await context.remove(container);
      return rw;
    } catch (error) {
      warn(`container ${id} cannot be pruned: ${kindOf(error)}: ${String(error)}`);
      return undefined;
    }
  });
}

/** What a prune would take. @throws {FathomError} invalid, for a filter. */
export async function pruneCandidates(context: Context, filters: Filters): Promise<PruneItem[]> {
  const matches = pruneTest(filters);
  const found: PruneItem[] = [];
  for (const container of context.registry.all().filter(matches)) {
    const { id, name } = nameOf(container);
    const { rw } = await context.options.images.sizes(id);
    const { Status: status } = container.record.state;
    found.push({
      ...{ Type: "container", ID: id, Names: [name], Bytes: rw, Mark: markOf(container) },
      Rule: `it does not run (${status}${status === "exited" ? ` since ${container.record.state.FinishedAt}` : ""})`,
    });
  }
  return found;
}

/** What changes when a container has been started. */
function markOf({ record: { state } }: Container): string {
  return `${state.Status} ${state.FinishedAt}`;
}

/** Removes one as a plan has it. Gives why it stays; undefined where it went. @throws {FathomError} not-found */
export async function prunePlanned(context: Context, id: string, mark: string): Promise<string | undefined> {
  const container = context.registry.find(id);
  return container.exclusive(async () => {
    if (isUp(container.record.state.Status)) return "it is running now";
    if (!isIdle(container) || markOf(container) !== mark) return "it has run since the plan was made";
    await context.remove(container);
    return undefined;
  });
}

function isIdle({ record }: Container): boolean {
  const { Status: status } = record.state;
  return !isUp(status) && status !== "removing";
}

/** @throws {FathomError} invalid, in Docker's words. */
function pruneTest(filters: Filters): Test {
  const unknown = Object.keys(filters).find((name) => !["label", "label!", "until"].includes(name));
  if (unknown !== undefined) throw new FathomError("invalid", `invalid filter '${unknown}'`);
  const { label = [], "label!": without = [], until = [] } = filters;
  if (until.length > 1) throw new FathomError("invalid", "more than one until filter specified");
  const before = until.map(pastTime);
  return (container) => {
    const { Created, Config } = container.record.config;
    const labels = Config.Labels ?? {};
    return (
      isIdle(container) &&
      label.every((wanted) => hasLabel(labels, wanted)) &&
      !without.some((unwanted) => hasLabel(labels, unwanted)) &&
      before.every((time) => Date.parse(Created) < time)
    );
  };
}
