/**
 * Pause and unpause: the processes of a container stand still where they are.
 *
 * The engine itself freezes the control group; the shim, which is outside of it, sees nothing of it. Whether a group is frozen is
 * for the kernel to say: an engine that starts asks it, whatever the state on disk.
 */

import { messageOf } from "../std/errors.ts";
import { cgroupPath } from "./cgroup_path.ts";
import { type Container, nameOf } from "./container.ts";
import type { Context } from "./context.ts";
import { saveState } from "./save.ts";
import { next } from "./state.ts";
import { tell } from "./tell.ts";

/**
 * Freezes it; the caller holds `exclusive`.
 * @param forWhat what the engine does meanwhile. On disk before it stands still, so that it goes on when that is cut short.
 * @throws {FathomError} of the state table; whatever the kernel says, and then it runs as before.
 */
export async function pauseContainer(
  context: Context,
  container: Container,
  forWhat?: "commit",
): Promise<void> {
  const { state } = container.record;
  next(state.Status, "pause", nameOf(container));
  state.PausedFor = forWhat;
  if (forWhat !== undefined) await saveState(context, container);
  const { cgroups, receipts } = context.options;
  const path = cgroupPath(container.record);
  await receipts.record(nameOf(container).id, async () => {
    await using undo = new AsyncDisposableStack();
    undo.defer(() => thawQuietly(context, container));
    await cgroups.freeze(path);
    // It may have ended meanwhile, and then this throws.
    state.Status = next(state.Status, "pause", nameOf(container));
    undo.move();
  });
  void saveState(context, container);
  tell(context, container, { action: "pause" });
}

/** After a pause that failed; of one that has ended there is nothing left to thaw. */
async function thawQuietly({ options }: Context, container: Container): Promise<void> {
  await options.cgroups.thaw(cgroupPath(container.record)).catch((error) => {
    if (container.live !== undefined)
      options.warn(`container ${nameOf(container).id} cannot be thawed: ${messageOf(error)}`);
  });
}

/** Lets it go on; the caller holds `exclusive`. @throws {FathomError} conflict, where it is not paused. */
export async function unpauseContainer(context: Context, container: Container): Promise<void> {
  const { state } = container.record;
  next(state.Status, "unpause", nameOf(container));
  const { cgroups, receipts } = context.options;
  await receipts.record(nameOf(container).id, () => cgroups.thaw(cgroupPath(container.record)));
  // A stop may have let it go on, and then said so.
  if (state.Status !== "paused") return;
  state.Status = "running";
  delete state.PausedFor;
  void saveState(context, container);
  tell(context, container, { action: "unpause" });
}

/** Lets a paused one go on so that a signal that is to end it arrives. That it cannot is for the log: the signal was sent. */
export async function thawToEnd(context: Context, container: Container): Promise<void> {
  if (container.record.state.Status !== "paused") return;
  await unpauseContainer(context, container).catch((error) =>
    context.options.warn(
      `container ${nameOf(container).id} cannot be unpaused to end it: ${messageOf(error)}`,
    ),
  );
}
