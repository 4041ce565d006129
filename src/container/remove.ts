/** Takes a container away: its snapshot, its files, its name. */

import { lstat, rm, unlink } from "node:fs/promises";
import { ifAbsent } from "../std/absent.ts";
import { FathomError, messageOf } from "../std/errors.ts";
import { type Container, nameOf, notify } from "./container.ts";
import type { Context } from "./context.ts";
import { unmountSharedMemory } from "./mounts/shared_memory.ts";
import { saveState } from "./save.ts";
import { next } from "./state.ts";
import { tell } from "./tell.ts";

/**
 * Removes a container that is not up, with `volumes` its anonymous volumes too; the caller holds `exclusive`.
 * @throws {FathomError} conflict, when it is up; internal, when something cannot be removed: it is dead then, and can be removed again.
 */
export async function removeContainer(
  context: Context,
  container: Container,
  { volumes }: { volumes: boolean } = { volumes: container.record.host.AutoRemove },
): Promise<void> {
  const { state } = container.record;
  const { id } = nameOf(container);
  state.Status = next(state.Status, "remove", nameOf(container));
  try {
    await container.released;
    await container.saved;
    await discard(context, container, volumes);
  } catch (cause) {
    state.Status = next(state.Status, "spoil", nameOf(container));
    await saveState(context, container);
    throw new FathomError("internal", `container ${id} cannot be removed: ${messageOf(cause)}`, { cause });
  }
  context.registry.remove(container);
  for (const [execId, exec] of context.execs) if (exec.containerId === id) context.execs.delete(execId);
  tell(context, container, { action: "destroy" });
  notify(container, "removed");
}

/** The record goes first: without it a new daemon knows the rest for left over. */
async function discard(context: Context, container: Container, volumes: boolean): Promise<void> {
  const { images } = context.options;
  const { id } = nameOf(container);
  const pending = await container.pending;
  pending?.shim.close();
  container.pending = undefined;
  const { directory } = container.paths;
  const entry = await lstat(directory).catch(ifAbsent(undefined));
  // Nothing is removed behind what is no directory of the engine's own.
  if (entry?.isDirectory() === false) return unlink(directory);
  const mounted = container.record.config.MountPoints.length > 0;
  const { noteVolumes, forgetVolumes } = mounted ? await import("./mounts/forget_volumes.ts") : {};
  if (volumes) await noteVolumes?.(container);
  await rm(container.paths.config, { force: true });
  unmountSharedMemory(context, container);
  await images.unmount(id);
  await images.remove(id);
  await forgetVolumes?.(context, container, { remove: volumes });
  if (mounted) await (await import("./mounts/sources.ts")).clearStaging(context, container.paths);
  await Promise.all([
    rm(container.paths.directory, { recursive: true, force: true }),
    rm(container.bundle, { recursive: true, force: true }),
  ]);
}
