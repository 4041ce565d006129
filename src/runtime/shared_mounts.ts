/**
 * The mounts of a container that has no mount namespace of its own and joins none: its root, and what is mounted in that, are then
 * among the mounts of whoever makes it, and stay when its processes have ended.
 */

import { mountpoints, readControlFile, unmount } from "../kernel/mod.ts";
import type { RuntimeConfig } from "../spec/oci_runtime.ts";
import { configOf } from "./bundle.ts";
import type { Bundle } from "./runtime.ts";

/** Notes what is mounted at its root before it is made; what came upon that is taken away again by the function it gives. */
export function noteRoot({ linux, root }: RuntimeConfig): () => void {
  if (linux.namespaces.some(({ type }) => type === "mount")) return () => undefined;
  const count = () => mountpoints().filter(({ mountPoint }) => mountPoint === root.path).length;
  const before = count();
  return () => {
    while (count() > before && unmount(root.path, { detach: true }));
  };
}

/** Takes the root's mount away, and what is mounted in it. Nearly every bundle asks for a namespace, and is not parsed for that. */
export function removeRoot(container: Bundle): void {
  const text = readControlFile(`${container.copy ?? container.bundle}/config.json`) ?? "";
  if (text === "" || /"type":\s*"mount"/.test(text)) return;
  unmount(configOf(container).root.path, { detach: true });
}
