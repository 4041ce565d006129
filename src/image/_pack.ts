/**
 * Packs what is below a directory into an archive, in the order of its names: the same tree gives the same bytes.
 *
 * The tree may change meanwhile, by hands that mean no good. Every step is by descriptor and follows no link (kernel/tree.ts), so that
 * only what is below the directory is ever read; what vanishes is left out. Sockets are left out.
 */

import {
  type At,
  type ByteString,
  closeFd,
  factsOf,
  namesIn,
  openDirectory,
  S,
  type Stat,
} from "../kernel/mod.ts";
import { FathomError } from "../std/errors.ts";
import { pace } from "../std/pace.ts";
import { archiveWriter, type Pieces } from "./_archive_writer.ts";
import { entryOf } from "./_entry.ts";
import type { Owners } from "./_owners.ts";

export interface PackOptions {
  /** What the top is called in the archive; "" for what is in it alone. */
  name: ByteString;
  owners: Owners;
  /** Directories whose content is left out, asked of each below the top. */
  isClosed?: (path: ByteString, facts: Stat) => boolean;
}

/** A directory under way. */
interface Frame {
  fd: number;
  path: ByteString;
  names: ByteString[];
  next: number;
}

/** Descriptors that one archive may hold, a directory above the other; no real tree is as deep. */
const DEEPEST = 1000;

const NOTHING: readonly Uint8Array[] = [];

/** @param top a directory, by the name "" of its own descriptor, or anything else by its name; its descriptor stays the caller's */
export async function* pack(top: At, options: PackOptions): AsyncGenerator<Uint8Array, void> {
  const archive = archiveWriter();
  const clock = pace();
  const frames: Frame[] = [];
  try {
    yield* addNode({ at: top, path: options.name }) ?? NOTHING;
    for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
      const name = frame.names[frame.next];
      frame.next += 1;
      if (name === undefined) {
        closeFd(frames.pop()?.fd ?? -1);
        continue;
      }
      const pieces = addNode({ at: { directory: frame.fd, name }, path: joined(frame.path, name) });
      if (pieces !== undefined) yield* pieces;
      if (clock.isDue()) await clock.pause();
    }
    yield* archive.end();
  } finally {
    for (const { fd } of frames) closeFd(fd);
  }

  function addNode({ at, path }: { at: At; path: ByteString }): Pieces | undefined {
    const facts = factsOf(at);
    if (facts === undefined) return undefined;
    const entry = entryOf({ at, path, facts }, options.owners);
    if (entry === undefined) return undefined;
    const pieces = path === "" ? undefined : archive.add(entry, at, facts);
    const isClosed = at !== top && options.isClosed?.(path, facts);
    if ((facts.mode & S.IFMT) === S.IFDIR && !isClosed) enter(at, path);
    return pieces;
  }

  function enter(at: At, path: ByteString): void {
    if (frames.length === DEEPEST)
      throw new FathomError("unsupported", `cannot pack directories more than ${DEEPEST} deep`);
    const fd = openDirectory(at);
    if (fd < 0) return;
    frames.push({ fd, path, names: namesIn(fd).sort((a, b) => (a < b ? -1 : 1)), next: 0 });
  }
}

function joined(path: ByteString, name: ByteString): ByteString {
  return path === "" || path.endsWith("/") ? path + name : `${path}/${name}`;
}
