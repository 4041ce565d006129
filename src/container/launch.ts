/** The shim of a start: taken, noted down before it is used, and replaced where somebody has killed it meanwhile. */

import type { Shim } from "../shim/handle.ts";
import type { Launch } from "../shim/protocol.ts";
import { kindOf } from "../std/errors.ts";
import { cgroupPath } from "./cgroup_path.ts";
import type { Container, Pending } from "./container.ts";
import type { Context } from "./context.ts";
import { NEVER, removeExit } from "./records.ts";
import { saveState } from "./save.ts";

export interface Launched {
  shim: Shim;
  pid: number;
  startedAt: string;
}

/** A shim may have been killed while it waited for a container. Nobody needs to know, unless they had attached to it. */
export async function launchOn(
  context: Context,
  container: Container,
  { shim, launch }: { shim: Shim; launch: Launch },
): Promise<Launched> {
  try {
    return { shim, ...(await shim.launch(launch)) };
  } catch (error) {
    if (launch.attachments > 0 || !isLost(error)) throw error;
    context.options.warn(
      `container ${launch.id}: the shim that was ready for it (process ${shim.pid}) has been killed; it gets another`,
    );
    await context.options.killLeftovers(cgroupPath(container.record));
  }
  await using undo = new AsyncDisposableStack();
  const other = await context.options.shims.take();
  undo.defer(() => other.close());
  await noteShim(context, container, other);
  const started = await other.launch(launch);
  undo.move();
  return { shim: other, ...started };
}

/** It has gone instead of answering, which names no exit status. */
function isLost(error: unknown): boolean {
  return kindOf(error) === "unavailable" && !(error instanceof Error && "exitCode" in error);
}

/** The shim that attachments came in on, or another; noted down before it is used. */
export async function takeShim(context: Context, container: Container): Promise<Pending> {
  const { pending } = container;
  container.pending = undefined;
  const taken = (await pending) ?? { shim: await context.options.shims.take(), attachments: 0 };
  await noteShim(context, container, taken.shim);
  return taken;
}

async function noteShim(context: Context, container: Container, { pid, socket }: Shim): Promise<void> {
  const { state } = container.record;
  state.Shim = { Pid: pid, Socket: socket, Boot: context.host.boot };
  // In this order: an exit record beside the note of a shim is that of its run.
  if (state.StartedAt !== NEVER) await removeExit(container.paths.exit);
  await saveState(context, container);
}
