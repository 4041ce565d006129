/**
 * What a container has written: its upper directory, or its whole root, held against the layers below.
 *
 * Overlay notes a removal as a whiteout and a replaced directory as opaque; that a directory was renamed it never notes for us
 * (redirect_dir=off). A file that was copied up and is as it was is no change, nor is a directory in which only the time differs:
 * Docker counts so too. Mount points that the engine makes in every container are nobody's change.
 */

import {
  AT,
  type At,
  attributesOf,
  type ByteString,
  closeFd,
  factsOf,
  namesIn,
  openDirectory,
  S,
  type Stat,
} from "../kernel/mod.ts";
import { FathomError } from "../std/errors.ts";
import { type Pace, pace } from "../std/pace.ts";
import { isOpaque, type LowerDirectory, type LowerFile, lookUp, lowerRoot, namesOf } from "./_lower.ts";
import type { Owners } from "./_owners.ts";
import { isWhiteout } from "./_whiteout.ts";
import type { WrittenTree } from "./driver.ts";

export interface Written {
  /** With a slash before it. */
  path: ByteString;
  kind: "added" | "modified" | "deleted" | "same";
  /** An opaque directory. */
  opaque: boolean;
  /** It lies below an opaque directory, which hides whatever was there. */
  covered: boolean;
  /** Bytes; none of a directory, or where nothing is any more. */
  size: number;
}

/** What runtimes make in a root that lacks it, to mount over it: nobody wrote it, unless something is in it. */
const MOUNT_POINTS: ReadonlySet<ByteString> = new Set([
  "/dev",
  "/dev/console",
  "/dev/mqueue",
  "/dev/pts",
  "/dev/shm",
  "/etc",
  "/etc/hostname",
  "/etc/hosts",
  "/etc/resolv.conf",
  "/proc",
  "/sys",
  "/sys/fs",
  "/sys/fs/cgroup",
]);

const DEEPEST = 1000;

/** Where a container writes. */
export interface Upper extends WrittenTree {
  owners: Owners;
}

/** Every file, in the order of names, a directory before what is in it; `same` ones only where an opaque directory needs them. */
export async function writtenIn(upper: Upper, layers: readonly string[]): Promise<Written[]> {
  const found: Written[] = [];
  const fd = openDirectory({ directory: AT.FDCWD, name: Buffer.from(upper.path).toString("latin1") });
  if (fd < 0) throw new FathomError("internal", `${upper.path}, where the container writes, cannot be read`);
  try {
    const top = { fd, path: "", lower: lowerRoot(layers), covered: false, depth: 0 };
    await visit({ found, clock: pace(), upper }, top);
  } finally {
    closeFd(fd);
  }
  return found;
}

/** Bytes of the files that are new or differ from those below: what a root takes more than its image. */
export async function bytesWritten(upper: Upper, layers: readonly string[]): Promise<number> {
  const written = await writtenIn(upper, layers);
  return written.reduce((sum, { kind, size }) => sum + (kind === "same" ? 0 : size), 0);
}

interface Search {
  found: Written[];
  upper: Upper;
  clock: Pace;
}

/** A directory of what was written. */
interface Place {
  fd: number;
  path: ByteString;
  lower: LowerDirectory;
  covered: boolean;
  depth: number;
}

/** Adds what is in a directory; whether anything there is a change. */
async function visit(search: Search, place: Place): Promise<boolean> {
  if (place.depth > DEEPEST)
    throw new FathomError("unsupported", `directories more than ${DEEPEST} deep cannot be compared`);
  const names = namesIn(place.fd);
  const own = new Set(names);
  // A whole root has no notes of what is gone: that is what it lacks.
  const isAll = place.covered || search.upper.form === "whole";
  const hidden = isAll ? namesOf(place.lower).filter((name) => !own.has(name)) : [];
  let changed = false;
  for (const name of [...names, ...hidden].sort((a, b) => (a < b ? -1 : 1))) {
    const at = { directory: place.fd, name };
    const file = {
      at,
      path: `${place.path}/${name}`,
      facts: factsOf(at),
      below: lookUp(place.lower, name),
    };
    const isChange = isDirectory(file)
      ? await visitDirectory(search, place, file)
      : visitFile(search, place, file);
    changed ||= isChange;
    if (search.clock.isDue()) await search.clock.pause();
  }
  return changed;
}

/** What has a name in what was written, and below. */
interface Pair {
  at: At;
  path: ByteString;
  facts: Stat | undefined;
  below: LowerFile | undefined;
}

type Present = Pair & { facts: Stat };

function isDirectory(file: Pair): file is Present {
  return ((file.facts?.mode ?? 0) & S.IFMT) === S.IFDIR;
}

function visitFile({ found, upper }: Search, { covered }: Place, file: Pair): boolean {
  const { at, path, facts, below } = file;
  if (facts === undefined || (upper.form === "apart" && isWhiteout(facts))) {
    if (below !== undefined) found.push({ path, kind: "deleted", opaque: false, covered, size: 0 });
    return below !== undefined;
  }
  const kind = kindOf({ at, path, facts, below }, upper.owners);
  if (kind === "added" && facts.size === 0 && MOUNT_POINTS.has(path)) return false;
  if (kind !== "same" || covered) found.push({ path, kind, opaque: false, covered, size: facts.size });
  return kind !== "same";
}

async function visitDirectory(search: Search, place: Place, file: Present): Promise<boolean> {
  const { at, path, below } = file;
  const opaque = search.upper.form === "apart" && isOpaque(at);
  const covered = place.covered || opaque;
  const node: Written = {
    path,
    kind: kindOf(file, search.upper.owners),
    opaque,
    covered: place.covered,
    size: 0,
  };
  const index = search.found.push(node) - 1;
  const fd = openDirectory(at);
  if (fd < 0) return false;
  let changed: boolean;
  try {
    const lower = below?.directory ?? [];
    changed = await visit(search, { fd, path, lower, covered, depth: place.depth + 1 });
  } finally {
    closeFd(fd);
  }
  if (changed && node.kind === "same") node.kind = "modified";
  const isMountPoint = node.kind === "added" && !changed && MOUNT_POINTS.has(path);
  const isNothing = isMountPoint || (node.kind === "same" && !covered);
  if (isNothing) search.found.splice(index, 1);
  return node.kind !== "same" && !isNothing;
}

/** How a file compares with the one that it hides. */
function kindOf({ at, facts, below }: Present, owners: Owners): Exclude<Written["kind"], "deleted"> {
  if (below === undefined) return "added";
  const before = below.facts;
  const { uid, gid } = owners.inside(facts);
  const same =
    facts.mode === before.mode &&
    uid === before.uid &&
    gid === before.gid &&
    facts.rdev === before.rdev &&
    ((facts.mode & S.IFMT) === S.IFDIR || (facts.mtime === before.mtime && facts.size === before.size)) &&
    capabilityOf(at) === capabilityOf(below.at);
  return same ? "same" : "modified";
}

const CAPABILITY = "security.capability";

function capabilityOf(at: At): string {
  const value = attributesOf(at, (attribute) => attribute === CAPABILITY).get(CAPABILITY);
  return value === undefined ? "" : String(value);
}
