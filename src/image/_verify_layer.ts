/** Holds an unpacked layer against the archive that it was unpacked from. */

import { join } from "node:path";
import {
  AT,
  type ByteString,
  closeFd,
  device,
  factsOf,
  linkTarget,
  namesIn,
  openDirectory,
  openFile,
  readAt,
  S,
  type Stat,
} from "../kernel/mod.ts";
import { pace } from "../std/pace.ts";
import type { TarEntry } from "../std/tar/entry.ts";
import { tarReader } from "../std/tar/reader.ts";
import { decompressed, detect } from "./_decompress.ts";
import { byteString, cutPath, normalise } from "./_names.ts";
import { whiteoutOf } from "./_whiteout.ts";

const TYPES: Readonly<Record<Exclude<TarEntry["type"], "link">, number>> = {
  file: S.IFREG,
  directory: S.IFDIR,
  symlink: S.IFLNK,
  character: S.IFCHR,
  block: S.IFBLK,
  fifo: S.IFIFO,
};

/**
 * What is not as the archive has it, by path: each with what differs. Of an entry that comes twice the last counts.
 * @throws {FathomError} invalid, when the archive itself is damaged
 */
export async function layerDifferences(
  archive: AsyncIterable<Uint8Array>,
  diff: string,
): Promise<Map<string, string>> {
  const found = new Map<ByteString, string>();
  const known = new Set<ByteString>();
  let file: { fd: number; path: ByteString } | undefined;
  const reader = tarReader({
    entry(entry) {
      const path = normalise(byteString(entry.path));
      if (path === undefined || path === "") return;
      const whiteout = whiteoutOf(path);
      if (whiteout !== undefined) {
        if (whiteout.kind === "file") note(known, join(cutPath(path).parent, whiteout.name));
        return;
      }
      note(known, path);
      forget(found, path, entry.type);
      const difference = differenceOf(entry, factsAt(diff, path), () => targetAt(diff, path));
      if (difference !== undefined) found.set(path, difference);
      else if (entry.type === "file") file = { fd: openFile(at(diff, path)), path };
    },
    data(bytes, offset) {
      if (file === undefined || file.fd < 0) return;
      const here = Buffer.alloc(bytes.length);
      if (readAt(file.fd, here, offset) < bytes.length || !here.equals(bytes))
        found.set(file.path, "its content differs");
    },
    end() {
      if (file !== undefined && file.fd >= 0) closeFd(file.fd);
      file = undefined;
    },
  });
  const clock = pace();
  const { compression, source } = await detect(archive);
  for await (const chunk of decompressed(source, compression)) {
    reader.push(chunk);
    if (clock.isDue()) await clock.pause();
  }
  reader.finish();
  for (const path of namesBelow(diff)) if (!known.has(path)) found.set(path, "the archive does not hold it");
  return new Map([...found].map(([path, what]) => [`/${Buffer.from(path, "latin1").toString()}`, what]));
}

/** A path, and the directories above it, which need no entry. */
function note(known: Set<ByteString>, path: ByteString): void {
  for (let part = path; part !== "" && !known.has(part); part = cutPath(part).parent) known.add(part);
}

/** What was said of a path before, and of what was below it, was of an earlier entry. */
function forget(found: Map<ByteString, string>, path: ByteString, type: TarEntry["type"]): void {
  found.delete(path);
  if (type === "directory") return;
  for (const other of found.keys()) if (other.startsWith(`${path}/`)) found.delete(other);
}

function differenceOf(
  entry: TarEntry,
  facts: Stat | undefined,
  target: () => ByteString,
): string | undefined {
  if (facts === undefined) return "it is not there";
  if (entry.type === "link") return undefined;
  if ((facts.mode & S.IFMT) !== TYPES[entry.type]) return `it is no ${entry.type}`;
  if (facts.uid !== entry.uid || facts.gid !== entry.gid) return "its owner differs";
  if (facts.mtime !== entry.mtime) return "its time differs";
  if (entry.type === "symlink")
    return target() === byteString(entry.linkPath) ? undefined : "it leads elsewhere";
  if ((facts.mode & 0o7777) !== entry.mode) return "its mode differs";
  if (entry.type === "file" && facts.size !== entry.size) return "its size differs";
  const isDevice = entry.type === "character" || entry.type === "block";
  if (isDevice && facts.rdev !== device(entry.device.major, entry.device.minor))
    return "it is another device";
  return undefined;
}

function at(diff: string, path: ByteString): { directory: number; name: ByteString } {
  return { directory: AT.FDCWD, name: `${Buffer.from(diff).toString("latin1")}/${path}` };
}

const factsAt = (diff: string, path: ByteString): Stat | undefined => factsOf(at(diff, path));
const targetAt = (diff: string, path: ByteString): ByteString => linkTarget(at(diff, path));

function namesBelow(diff: string): ByteString[] {
  const found: ByteString[] = [];
  const pending: ByteString[] = [""];
  for (let below = pending.pop(); below !== undefined; below = pending.pop()) {
    const fd = openDirectory(at(diff, below));
    // Not a directory.
    if (fd < 0) continue;
    const names = namesIn(fd);
    closeFd(fd);
    const paths = names.map((name) => (below === "" ? name : `${below}/${name}`));
    found.push(...paths);
    pending.push(...paths);
  }
  return found;
}
