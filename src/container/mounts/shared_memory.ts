/**
 * Shared memory that other containers may join, `--ipc shareable`: a tmpfs on the host, which is there while the container runs.
 *
 * That of every other container is mounted inside it and nobody's concern.
 */

import { mkdir } from "node:fs/promises";
import type { Container } from "../container.ts";
import type { Context } from "../context.ts";
import { giveToRoot } from "../user_namespace.ts";

/** Takes it away; no error when there is none. Containers that have joined it keep it. */
export function unmountSharedMemory({ options }: Context, { record, paths }: Container): void {
  if (record.host.IpcMode === "shareable") options.sharedMemory.unmount(paths.shm);
}

/** Mounts it; what an earlier run has left there is gone. */
export async function mountSharedMemory({ options }: Context, { record, paths }: Container): Promise<void> {
  await mkdir(paths.shm, { recursive: true, mode: 0o700 });
  options.sharedMemory.unmount(paths.shm);
  options.sharedMemory.mount(paths.shm, record.host.ShmSize);
  await giveToRoot(record.config.IdMaps, [paths.shm]);
}
