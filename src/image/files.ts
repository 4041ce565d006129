/**
 * Files of a container, from outside: looking at a path, packing it into an archive, unpacking one over a directory.
 *
 * Paths are the container's: links are followed inside its root and never out of it, even while a process in it exchanges
 * directories and links (CVE-2018-15664); nothing is resolved first and used later. No process is started for it.
 */

import { posix } from "node:path";
import {
  type ByteString,
  ERRNO,
  errnoName,
  factsOf,
  findInRoot,
  isReadOnly,
  linkTarget,
  openDirectory,
  owned,
  type RootView,
  readFileInRoot,
  S,
  type Stat,
} from "../kernel/mod.ts";
import type { PathStat } from "../spec/docker_files.ts";
import { goFileMode } from "../spec/file_mode.ts";
import { FathomError } from "../std/errors.ts";
import { pace } from "../std/pace.ts";
import { rfc3339 } from "../std/time.ts";
import { decompressed, detect } from "./_decompress.ts";
import { byteString, cutPath } from "./_names.ts";
import type { Owners } from "./_owners.ts";
import { pack } from "./_pack.ts";
import { feedArchive } from "./_stage.ts";
import { unpacker } from "./_unpack.ts";
import { containerTarget } from "./_unpack_target.ts";

export interface UnpackOptions {
  /** A directory may not take the place of anything else, nor the other way round. */
  keepKinds: boolean;
  /** Whom everything is to belong to; else the archive says. */
  owner?: { uid: number; gid: number };
}

/** A root to look into, and who its files belong to. */
export interface SnapshotView extends RootView {
  readonly owners: Owners;
}

/** A path as it was asked for. A slash or `/.` at its end asks for a directory, by way of a link too. */
interface Place {
  /** Without `.`, `..` and doubled slashes, but for the end that was asked for. */
  path: ByteString;
  /** Its last component: `/` of the root, `.` where the path ends in it. */
  name: ByteString;
}

/** @throws {FathomError} not-found */
export function statPath(view: SnapshotView, path: string): PathStat {
  const place = placeOf(path);
  using found = owned(find(view, path, { follow: false }));
  return shownStat(view, place, factsOfOpen(found.fd));
}

/**
 * The path as an archive, called by its last component. What is mounted in it is packed too, but for the file systems of the kernel
 * where the whole root is asked for: they have no end.
 * @throws {FathomError} not-found
 */
export function packPath(
  view: SnapshotView,
  path: string,
): { stat: PathStat; archive: AsyncIterable<Uint8Array> } {
  const place = placeOf(path);
  using found = owned(find(view, path, { follow: false }));
  const facts = factsOfOpen(found.fd);
  const stat = shownStat(view, place, facts);
  return { stat, archive: packFound(view, place, facts) };
}

async function* packFound(view: SnapshotView, place: Place, facts: Stat): AsyncGenerator<Uint8Array, void> {
  if ((facts.mode & S.IFMT) !== S.IFDIR) {
    const { parent, name } = cutPath(place.path);
    using directory = owned(find(view, shown(parent === "" ? "/" : parent), { follow: true }));
    yield* pack({ directory: directory.fd, name }, { name, owners: view.owners });
    return;
  }
  using found = owned(find(view, shown(place.path), { follow: true }));
  using directory = owned(opened(openDirectory({ directory: found.fd, name: "" }), place.path));
  const root = factsOfOpen(view.fd);
  const isRoot = root.ino === facts.ino && root.dev === facts.dev;
  const options = { name: place.name, owners: view.owners, ...(isRoot && { isClosed: isOfTheKernel }) };
  yield* pack({ directory: directory.fd, name: "" }, options);
}

/** What every container has mounted at these places. */
const KERNEL_PLACES: ReadonlySet<ByteString> = new Set(["dev", "proc", "sys"]);

function isOfTheKernel(path: ByteString, facts: Stat): boolean {
  return facts.mountRoot && KERNEL_PLACES.has(path.replace(/^(?:\.?\/)+/, ""));
}

/**
 * Unpacks a tar archive (plain, gzip or zstd) over a directory.
 * @throws {FathomError} not-found; forbidden, where it is read-only; invalid, when it is no directory or the archive is refused.
 * What came before the entry that failed stays.
 */
export async function unpackPath(
  view: SnapshotView,
  { path, archive }: { path: string; archive: AsyncIterable<Uint8Array> },
  { keepKinds, owner }: UnpackOptions,
): Promise<void> {
  const place = placeOf(path);
  {
    using found = owned(find(view, path, { follow: true }));
    checkWritable(view, found.fd);
  }
  const target = {
    root: view.fd,
    base: place.path,
    owners: view.owners,
    keepKinds,
    ...(owner !== undefined && { owner }),
  };
  using into = unpacker(containerTarget(target));
  const { compression, source } = await detect(archive);
  await feedArchive(decompressed(source, compression), into);
  await into.finish(pace());
}

function checkWritable(view: SnapshotView, fd: number): void {
  const facts = factsOfOpen(fd);
  if ((facts.mode & S.IFMT) !== S.IFDIR)
    throw new FathomError("invalid", "extraction point is not a directory");
  if (!isReadOnly(fd)) return;
  const inRoot = facts.mount === factsOfOpen(view.fd).mount;
  throw new FathomError(
    "forbidden",
    inRoot ? "container rootfs is marked read-only" : "mounted volume is marked read-only",
  );
}

/** The text of a file; undefined where there is none. */
export function readText(view: SnapshotView, path: string): string | undefined {
  return readFileInRoot(view.fd, path, LARGEST_READ);
}

const LARGEST_READ = 4 * 1024 * 1024;

function placeOf(path: string): Place {
  const bytes = byteString(Buffer.from(path));
  const clean = posix.normalize(`/${bytes}`).replace(/(.)\/$/, "$1");
  const end = /(?:^|\/)\.$/.test(bytes) ? "/." : bytes.endsWith("/") ? "/" : "";
  const name = end === "/." ? "." : clean === "/" ? "/" : cutPath(clean).name;
  return { path: clean === "/" ? `/${end.slice(1)}` : clean + end, name };
}

/** A descriptor of the path. @throws {FathomError} not-found; invalid, where the path leads through a file */
function find(view: SnapshotView, path: string, options: { follow: boolean }): number {
  return opened(findInRoot(view.fd, placeOf(path).path, options), path);
}

function opened(answer: number, path: string): number {
  if (answer >= 0) return answer;
  // A link of /proc that leads out of the root gives ELOOP.
  if (answer === -ERRNO.ENOENT || answer === -ERRNO.ELOOP)
    throw new FathomError("not-found", `Could not find the file ${path}`);
  if (answer === -ERRNO.ENOTDIR) throw new FathomError("invalid", `lstat ${path}: not a directory`);
  throw new FathomError("internal", `cannot reach ${path} in the container: ${errnoName(-answer)}`);
}

function factsOfOpen(fd: number): Stat {
  const facts = factsOf({ directory: fd, name: "" });
  if (facts === undefined) throw new FathomError("internal", "an open file has no facts");
  return facts;
}

function shownStat(view: SnapshotView, { path, name }: Place, facts: Stat): PathStat {
  const isLink = (facts.mode & S.IFMT) === S.IFLNK;
  return {
    name: shown(name),
    size: facts.size,
    mode: goFileMode(facts.mode),
    mtime: rfc3339(facts.mtime),
    linkTarget: isLink ? shown(resolveLinks(view, path)) : "",
  };
}

const shown = (name: ByteString): string => Buffer.from(name, "latin1").toString();

/** path_resolution(7). */
const MOST_LINKS = 40;

/** The path with all links replaced by where they lead, whether or not anything is there. Only told, never used to reach a file. */
function resolveLinks(view: SnapshotView, path: ByteString): ByteString {
  const left = path.split("/").reverse();
  const done: ByteString[] = [];
  let links = 0;
  for (let part = left.pop(); part !== undefined; part = left.pop()) {
    if (part === "" || part === ".") continue;
    if (part === "..") {
      done.pop();
      continue;
    }
    const target = linkAt(view, `/${[...done, part].join("/")}`);
    if (target === undefined || links === MOST_LINKS) {
      done.push(part);
      continue;
    }
    links += 1;
    if (target.startsWith("/")) done.length = 0;
    left.push(...target.split("/").reverse());
  }
  return `/${done.join("/")}`;
}

function linkAt(view: SnapshotView, path: ByteString): ByteString | undefined {
  const fd = findInRoot(view.fd, path, { follow: false });
  if (fd < 0) return undefined;
  using link = owned(fd);
  const { mode } = factsOfOpen(link.fd);
  return (mode & S.IFMT) === S.IFLNK ? linkTarget({ directory: link.fd, name: "" }) : undefined;
}
