/**
 * Layers whose owners appear as others, for an overlay in a user namespace.
 *
 * The layers are shared by all containers, and on disk their files belong to the users the image names. So each is shown a second
 * time by an id-mapped mount (Linux 5.12; as a layer of an overlay 5.19), and the overlay made on those. It keeps them alive
 * by itself, so they are in view only while it is made. The directory above is not mapped: what a container writes belongs to
 * the users of the host it was given, on disk too.
 */

import { mkdir, readdir, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { attachIdMapped, makeUserNamespace, owned, unmount } from "../kernel/mod.ts";
import type { IdMaps } from "../spec/oci_runtime.ts";
import { ifAbsent } from "../std/absent.ts";

interface Layers {
  directory: string;
  layers: readonly string[];
  idMaps: IdMaps;
}

/** Runs `use` with the directories at which the layers are seen meanwhile. */
export async function withMappedLayers(
  { directory, layers, idMaps }: Layers,
  use: (mapped: readonly string[]) => void,
): Promise<void> {
  const place = join(directory, "mapped");
  await clear(place);
  await using undo = new AsyncDisposableStack();
  undo.defer(() => clear(place));
  const targets = layers.map((_, index) => join(place, String(index)));
  for (const target of targets) await mkdir(target, { recursive: true, mode: 0o700 });
  using namespace = owned(makeUserNamespace(idMaps));
  for (const [index, source] of layers.entries())
    attachIdMapped(source, { target: targets[index] ?? "", userNamespace: namespace.fd });
  use(targets);
}

/** Also after a daemon that was killed in the middle. */
async function clear(place: string): Promise<void> {
  for (const name of await readdir(place).catch(ifAbsent([]))) {
    const target = join(place, name);
    while (unmount(target, { detach: true }));
    await rmdir(target);
  }
  await rm(place, { recursive: true, force: true });
}
