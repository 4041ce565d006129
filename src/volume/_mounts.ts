/** Mounts of volumes that have options: made by the first user, undone after the last. */

import { isMounted, mountFailure, mountOnHost, mountPatiently, unmount } from "../kernel/mod.ts";
import { FathomError } from "../std/errors.ts";
import { isRemote, mountOf, withAddress } from "./_options.ts";
import { dataOf, type VolumeRecord } from "./_record.ts";

/** @throws {FathomError} internal, in Docker's words, when the kernel refuses */
export async function mountVolume(root: string, { Name, Options }: VolumeRecord): Promise<void> {
  const target = dataOf(root, Name);
  const wanted = mountOf(Options, target);
  if (wanted === undefined || isMounted(target)) return;
  try {
    if (isRemote(wanted)) await mountPatiently(await withAddress(wanted));
    else mountOnHost(wanted);
  } catch (cause) {
    const where = `mount ${wanted.source}:${target}, flags: 0x${wanted.flags.toString(16)}`;
    const data = wanted.data === "" ? "" : `, data: ${wanted.data}`;
    throw new FathomError(
      "internal",
      `error while mounting volume '${target}': failed to mount local volume: ${where}${data}: ${mountFailure(cause)}`,
      { cause },
    );
  }
}

export function unmountVolume(root: string, { Name, Options }: VolumeRecord): void {
  const target = dataOf(root, Name);
  if (mountOf(Options, target) !== undefined) unmount(target, { detach: true });
}
