/**
 * Unpacks an archive that a container's engine sent, over a directory of this host.
 *
 * The archive is as hostile as the container. Nothing is written outside the directory: names that climb out are refused, and so is
 * whatever lies behind a symbolic link that the archive itself has brought. Links that were there before are the user's own.
 */

import { execFileSync } from "node:child_process";
import { closeSync, constants, fchmodSync, futimesSync, openSync, writeSync } from "node:fs";
import { chmod, link, lstat, lutimes, mkdir, rm, symlink, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ifAbsent } from "../../std/absent.ts";
import { type TarEntry, tarNameText } from "../../std/tar/entry.ts";
import { tarReader } from "../../std/tar/reader.ts";
import { CommandError } from "../errors.ts";
import { clean } from "./paths.ts";

export interface UnpackOptions {
  /** The directory that takes the archive. */
  directory: string;
  /** The archive's own name of its top, and what it is to be called. */
  rename: { from: string; to: string };
}

interface Unpacking extends UnpackOptions {
  /** Symbolic links that the archive has brought. */
  links: Set<string>;
  /** Directories whose times are set last, since what is put into them changes them. */
  times: Map<string, bigint>;
}

type Task =
  | { kind: "entry"; entry: TarEntry }
  | { kind: "data"; bytes: Uint8Array; offset: number }
  | { kind: "end" };

/** @throws {CommandError} where the archive may not be unpacked; what came before stays. */
export async function unpackLocal(archive: AsyncIterable<Uint8Array>, options: UnpackOptions): Promise<void> {
  const state: Unpacking = { ...options, links: new Set(), times: new Map() };
  // The reader tells of entries while it is fed; what has to wait for the disk is done between two pieces.
  const tasks: Task[] = [];
  const reader = tarReader({
    entry: (entry) => tasks.push({ kind: "entry", entry }),
    data: (bytes, offset) => tasks.push({ kind: "data", bytes, offset }),
    end: () => tasks.push({ kind: "end" }),
  });
  const file = openFile();
  try {
    for await (const piece of archive) {
      reader.push(piece);
      for (const task of tasks.splice(0)) await carryOut(state, file, task);
    }
    reader.finish();
  } finally {
    file.close();
  }
  for (const [path, mtime] of state.times) await utimes(path, seconds(mtime), seconds(mtime));
}

/** The file that is being written, if any. */
interface OpenFile {
  fd: number | undefined;
  entry: TarEntry | undefined;
  close(): void;
}

function openFile(): OpenFile {
  const file: OpenFile = {
    fd: undefined,
    entry: undefined,
    close: () => {
      if (file.fd !== undefined) closeSync(file.fd);
      file.fd = undefined;
    },
  };
  return file;
}

async function carryOut(state: Unpacking, file: OpenFile, task: Task): Promise<void> {
  switch (task.kind) {
    case "entry":
      file.entry = task.entry;
      file.fd = await make(state, task.entry);
      return;
    case "data":
      if (file.fd !== undefined) writeAll(file.fd, task.bytes, task.offset);
      return;
    case "end":
      if (file.fd === undefined || file.entry === undefined) return;
      fchmodSync(file.fd, file.entry.mode);
      futimesSync(file.fd, seconds(file.entry.mtime), seconds(file.entry.mtime));
      file.close();
  }
}

function writeAll(fd: number, bytes: Uint8Array, offset: number): void {
  for (let done = 0; done < bytes.length; )
    done += writeSync(fd, bytes, done, bytes.length - done, offset + done);
}

/** Makes what an entry describes; gives the descriptor of a file whose content is to come. */
async function make(state: Unpacking, entry: TarEntry): Promise<number | undefined> {
  const name = tarNameText(entry.path);
  const path = placeOf(state, name);
  await mkdir(dirname(path), { recursive: true });
  if (!(await makeRoom(state, entry, path))) {
    await chmod(path, entry.mode);
    state.times.set(path, entry.mtime);
    return undefined;
  }
  switch (entry.type) {
    case "file":
      return openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
    case "directory":
      await mkdir(path);
      await chmod(path, entry.mode);
      state.times.set(path, entry.mtime);
      return undefined;
    case "symlink":
      await symlink(tarNameText(entry.linkPath), path);
      await lutimes(path, seconds(entry.mtime), seconds(entry.mtime));
      state.links.add(path);
      return undefined;
    case "link":
      await link(placeOf(state, tarNameText(entry.linkPath)), path);
      return undefined;
    case "character":
    case "block":
    case "fifo":
      makeNode(entry, path);
      await chmod(path, entry.mode);
      return undefined;
  }
}

/** Takes away what is in the place of an entry; false where it is a directory, and so is the entry: it stays. */
async function makeRoom({ links, directory }: Unpacking, entry: TarEntry, path: string): Promise<boolean> {
  const before = await lstat(path).catch(ifAbsent(undefined));
  if (before === undefined) return true;
  if (before.isDirectory() && entry.type === "directory") return false;
  if (before.isDirectory() !== (entry.type === "directory")) {
    const [old, now] = before.isDirectory() ? ["directory", "non-directory"] : ["non-directory", "directory"];
    throw new CommandError(
      `cannot overwrite ${old} ${JSON.stringify(path)} with ${now} ${JSON.stringify(directory)}`,
    );
  }
  await rm(path);
  links.delete(path);
  return true;
}

/** Where an entry goes. @throws {CommandError} where that would be outside, or behind a link of the archive's own */
function placeOf({ directory, rename, links }: Unpacking, name: string): string {
  const parts = clean(renamed(name, rename))
    .split("/")
    .filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw breakout(name, directory);
  let path = directory;
  for (const part of parts) {
    if (links.has(path)) throw breakout(name, directory);
    path = join(path, part);
  }
  return path;
}

/** The top's name stands at the beginning of every name. */
function renamed(name: string, { from, to }: UnpackOptions["rename"]): string {
  const own = from === "/" ? "" : from;
  if (name === own || name.startsWith(`${own}/`)) return to + name.slice(own.length);
  return name;
}

function breakout(name: string, directory: string): CommandError {
  return new CommandError(`${JSON.stringify(name)} is outside of ${JSON.stringify(directory)}`);
}

function makeNode({ type, device }: TarEntry, path: string): void {
  const numbers = type === "fifo" ? [] : [String(device.major), String(device.minor)];
  const letter = type === "character" ? "c" : type === "block" ? "b" : "p";
  execFileSync("mknod", ["--", path, letter, ...numbers], { stdio: "pipe" });
}

function seconds(nanoseconds: bigint): number {
  return Number(nanoseconds) / 1e9;
}
