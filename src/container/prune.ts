/** `docker container prune`: takes away every container that is not up, or those of them that filters choose. */

import type { ContainerPruneResponse } from "../spec/docker_files.ts";
import { FathomError, kindOf } from "../std/errors.ts";
import { parseGoDuration } from "../std/units.ts";
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
  const before = until.map(timeOf);
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

/** Milliseconds since the epoch of a span before now, seconds since the epoch, or a date. */
function timeOf(text: string): number {
  const span = parseGoDuration(text);
  if (span !== undefined) return Date.now() - span / 1_000_000;
  const time = /^\d{1,12}(?:\.\d{1,9})?$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  if (Number.isNaN(time))
    throw new FathomError("invalid", `failed to parse value as time or duration: ${JSON.stringify(text)}`);
  return time;
}
