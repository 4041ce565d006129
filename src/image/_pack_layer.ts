/**
 * Packs what a container has written as a layer: the same writing gives the same bytes, and so the same digest.
 *
 * Whiteouts become `.wh.NAME`, opaque directories hold `.wh..wh..opq`. Source: opencontainers/image-spec v1.1, layer.md.
 */

import { AT, type ByteString, closeFd, factsOf, openDirectory } from "../kernel/mod.ts";
import { FathomError } from "../std/errors.ts";
import { pace } from "../std/pace.ts";
import { archiveWriter, type Pieces } from "./_archive_writer.ts";
import { emptyEntry, entryOf } from "./_entry.ts";
import { cutPath } from "./_names.ts";
import { openTree } from "./_tree.ts";
import { OPAQUE, PREFIX } from "./_whiteout.ts";
import { type Upper, type Written, writtenIn } from "./_written.ts";

/** @param layers those below, topmost first */
export async function* packLayer(upper: Upper, layers: readonly string[]): AsyncGenerator<Uint8Array, void> {
  const root = openDirectory({ directory: AT.FDCWD, name: Buffer.from(upper.path).toString("latin1") });
  if (root < 0)
    throw new FathomError("internal", `${upper.path}, where the container writes, cannot be read`);
  const tree = openTree(root);
  const archive = archiveWriter();
  const clock = pace();
  try {
    for (const written of await writtenIn(upper, layers)) {
      for (const pieces of packOne(written)) yield* pieces;
      if (clock.isDue()) await clock.pause();
    }
    yield* archive.end();
  } finally {
    tree[Symbol.dispose]();
    closeFd(root);
  }

  function packOne({ path, kind, opaque, covered }: Written): Pieces[] {
    const { parent, name } = cutPath(path.slice(1));
    if (kind === "deleted") {
      const pieces = covered ? undefined : archive.addEmpty(emptyEntry(below(parent, PREFIX + name)));
      return pieces === undefined ? [] : [pieces];
    }
    const directory = tree.existing(parent);
    const at = { directory, name };
    const facts = directory < 0 ? undefined : factsOf(at);
    const entry = facts && entryOf({ at, path: path.slice(1), facts }, upper.owners);
    if (facts === undefined || entry === undefined) return [];
    const pieces = archive.add(entry, at, facts);
    const mark = opaque ? archive.addEmpty(emptyEntry(below(path.slice(1), OPAQUE))) : undefined;
    return [pieces, mark].filter((some) => some !== undefined);
  }
}

function below(parent: ByteString, name: ByteString): ByteString {
  return parent === "" ? name : `${parent}/${name}`;
}
