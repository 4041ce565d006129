/** Reads an archive of images into the store: its layers are staged as they come. Disk is bounded by what the archive holds. */

import { hexOf } from "../spec/digest.ts";
import type { Digest } from "../spec/oci_image.ts";
import { FathomError, kindOf, messageOf } from "../std/errors.ts";
import { type ArchiveContents, readContents, type TakeLayer } from "./_archive_contents.ts";
import { lease } from "./_leases.ts";
import { type StagedLayer, stageLayer } from "./_stage.ts";
import type { ArrivedLayer } from "./adopt.ts";
import { currentCatalog, type ImageStore } from "./store.ts";

export interface StagedArchive extends AsyncDisposable {
  contents: ArchiveContents;
  staged: ReadonlyMap<Digest, StagedLayer>;
}

/** Hears how much of a layer has come; `done` and `total` in bytes as they are in the archive. */
export type LayerProgress = (layer: { id: string; done: number; total: number }) => void;

interface Staging {
  store: ImageStore;
  stack: AsyncDisposableStack;
  progress: LayerProgress;
  staged: Map<Digest, StagedLayer>;
}

/** @throws {FathomError} invalid, naming the entry that is wrong; unavailable, when the disk is full. Nothing is left then. */
export async function readArchive(
  store: ImageStore,
  archive: AsyncIterable<Uint8Array>,
  progress: LayerProgress,
): Promise<StagedArchive> {
  await using stack = new AsyncDisposableStack();
  const staging: Staging = { store, stack, progress, staged: new Map() };
  const contents = await readContents(archive, (layer) => takeLayer(staging, layer));
  const undo = stack.move();
  return { contents, staged: staging.staged, [Symbol.asyncDispose]: () => undo.disposeAsync() };
}

async function takeLayer(
  staging: Staging,
  { entry, content, name, named }: Parameters<TakeLayer>[0],
): Promise<ArrivedLayer> {
  const { store, stack, staged } = staging;
  const known = named && (await leaseKnown(staging, named));
  if (known !== undefined) return known;
  const shown = named === undefined ? (name.split("/").at(-2) ?? name) : hexOf(named);
  const counted = counting(content, (done) =>
    staging.progress({ id: shown.slice(0, 12), done, total: entry.size }),
  );
  const expected = named && { digest: named, size: entry.size };
  const layer = stack.use(
    await stageLayer(store.paths, counted, {
      keep: "stored",
      flush: false,
      ...(expected && { expected }),
    }).catch((cause: unknown) => {
      throw new FathomError(kindOf(cause), `layer ${JSON.stringify(name)}: ${messageOf(cause)}`, { cause });
    }),
  );
  const { digest, size } = layer.blob;
  staged.set(digest, staged.get(digest) ?? layer);
  return { digest, size, mediaType: layer.mediaType };
}

/** A layer that some image has already need not be read again; it stays until the reading's end, whoever removes that image. */
async function leaseKnown({ store, stack }: Staging, digest: Digest): Promise<ArrivedLayer | undefined> {
  return store.exclusive(async () => {
    const { images } = await currentCatalog(store);
    for (const { manifest } of images.values()) {
      const found = manifest.layers.find((layer) => layer.digest === digest);
      if (found === undefined) continue;
      stack.use(lease(store.leases, digest));
      return { digest, size: found.size, mediaType: found.mediaType };
    }
    return undefined;
  });
}

async function* counting(
  content: AsyncIterable<Uint8Array>,
  tell: (done: number) => void,
): AsyncGenerator<Uint8Array, void> {
  let done = 0;
  for await (const piece of content) {
    done += piece.length;
    tell(done);
    yield piece;
  }
}
