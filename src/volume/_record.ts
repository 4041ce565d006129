/**
 * Volumes on disk: `<name>/volume.json` beside `<name>/_data`.
 *
 * A name that begins with a dot cannot be a volume's: what is made or taken away has such a name, and a start sweeps them.
 */

import { access, chown, mkdir, open, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { ifAbsent } from "../std/absent.ts";
import { messageOf } from "../std/errors.ts";

/** `volume.json`. */
export interface VolumeRecord {
  Name: string;
  Driver: string;
  /** RFC 3339, whole seconds. */
  CreatedAt: string;
  Labels: Record<string, string> | null;
  Options: Record<string, string> | null;
}

/** A user and a group of the host. */
export interface Owner {
  uid: number;
  gid: number;
}

/** Directory of volumes that were removed and wait (_trash.ts). */
export const TRASH = ".trash";

export const dataOf = (root: string, name: string): string => join(root, name, "_data");

let serial = 0;
const hidden = (root: string, what: string): string => join(root, `.${what}-${process.pid}-${serial++}`);

/** Whether a hidden name is of this process's own work, which goes on. */
export const isOurs = (name: string): boolean => /^\.\w+-(\d+)-/.exec(name)?.[1] === String(process.pid);

/** Makes it in one step. The label of a volume must outlast a power cut like its files: all is synced before the rename. */
export async function writeVolume(root: string, record: VolumeRecord, owner?: Owner): Promise<void> {
  const draft = hidden(root, "new");
  await using undo = new AsyncDisposableStack();
  undo.defer(() => rm(draft, { recursive: true, force: true }));
  await mkdir(join(draft, "_data"), { recursive: true, mode: 0o755 });
  if (owner !== undefined) await chown(join(draft, "_data"), owner.uid, owner.gid);
  const text = `${JSON.stringify(record, null, 2)}\n`;
  await writeFile(join(draft, "volume.json"), text, { mode: 0o600, flush: true });
  await rename(draft, join(root, record.Name));
  undo.move();
  const directory = await open(root);
  await directory.sync().finally(() => directory.close());
}

/** Takes a directory out of sight in one step, and gives the one that is left to delete. */
export async function hideDirectory(root: string, name: string): Promise<string> {
  const gone = hidden(root, "gone");
  await rename(join(root, name), gone);
  return gone;
}

/** A volume with this file beside its files is locked. */
const LOCK = "locked";

export async function isLocked(root: string, name: string): Promise<boolean> {
  return access(join(root, name, LOCK)).then(() => true, ifAbsent(false));
}

export async function setLocked(root: string, name: string, locked: boolean): Promise<void> {
  const path = join(root, name, LOCK);
  if (locked) await writeFile(path, "", { mode: 0o600, flush: true });
  else await rm(path, { force: true });
  const directory = await open(join(root, name));
  await directory.sync().finally(() => directory.close());
}

/** All volumes, and what earlier engines left unfinished cleared away. A damaged one is told of and left alone. */
export async function readVolumes(root: string, warn: (sentence: string) => void): Promise<VolumeRecord[]> {
  const names = await readdir(root).catch(ifAbsent([]));
  const leftovers = names.filter((name) => name.startsWith(".") && name !== TRASH);
  await Promise.all(leftovers.map((name) => rm(join(root, name), { recursive: true, force: true })));
  const read = names.filter((name) => !name.startsWith(".")).map((name) => readVolume(root, name, warn));
  return (await Promise.all(read)).filter((record) => record !== undefined);
}

/** The record of the volume in a directory, which is its name's but in the trash. */
export async function readVolume(
  root: string,
  name: string,
  warn: (sentence: string) => void,
): Promise<VolumeRecord | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(join(root, name, "volume.json"), "utf8"));
    if (isRecord(value) && (value.Name === name || basename(root) === TRASH)) return value;
    throw new Error("volume.json is not what Fathom writes");
  } catch (error) {
    warn(
      `volume ${name} is damaged and not shown; its files are in ${join(root, name)}: ${messageOf(error)}`,
    );
    return undefined;
  }
}

function isRecord(value: unknown): value is VolumeRecord {
  if (typeof value !== "object" || value === null) return false;
  const { Name, Driver, CreatedAt, Labels, Options } = value as Record<string, unknown>;
  const texts = [Name, Driver, CreatedAt].every((field) => typeof field === "string");
  return texts && isTextMap(Labels) && isTextMap(Options);
}

function isTextMap(value: unknown): boolean {
  if (value === null) return true;
  return typeof value === "object" && Object.values(value).every((one) => typeof one === "string");
}
