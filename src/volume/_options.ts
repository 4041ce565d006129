/**
 * Options of the local driver: `type`, `device` and `o`, which say what is mounted as the volume's files.
 *
 * Source: mount(8) for the words of `o`, mount(2) for what the kernel takes as flags; the rest is the file system's own.
 */

import { type HostMount, MS } from "../kernel/mod.ts";
import { FathomError } from "../std/errors.ts";

type Options = Readonly<Record<string, string>>;

const KNOWN = new Set(["type", "o", "device", "size"]);
const REQUIRES: readonly (readonly [string, readonly string[]])[] = [
  ["device", ["type"]],
  ["type", ["device"]],
  ["o", ["device", "type"]],
];

/** @throws {FathomError} invalid, in Docker's words */
export function checkOptions(name: string, options: Options): void {
  const wrong = (reason: string) => new FathomError("invalid", `create ${name}: ${reason}`);
  const unknown = Object.keys(options).find((key) => !KNOWN.has(key));
  if (unknown !== undefined) throw wrong(`invalid option: ${JSON.stringify(unknown)}`);
  // A quota would need the file system's help, which is seldom there: better refused than not kept.
  if (options.size !== undefined) throw wrong("quota size requested but no quota support");
  for (const [key, required] of REQUIRES) {
    const missing = Object.hasOwn(options, key) && required.find((other) => !Object.hasOwn(options, other));
    if (missing) throw wrong(`missing required option: ${JSON.stringify(missing)}`);
  }
}

/** Words that set or clear flags of mount(2). */
const SET: Readonly<Record<string, number>> = {
  ro: MS.RDONLY,
  nosuid: MS.NOSUID,
  nodev: MS.NODEV,
  noexec: MS.NOEXEC,
  sync: MS.SYNCHRONOUS,
  dirsync: MS.DIRSYNC,
  mand: MS.MANDLOCK,
  noatime: MS.NOATIME,
  nodiratime: MS.NODIRATIME,
  relatime: MS.RELATIME,
  strictatime: MS.STRICTATIME,
  remount: MS.REMOUNT,
  bind: MS.BIND,
  rbind: MS.BIND | MS.REC,
};
const CLEARED: Readonly<Record<string, number>> = {
  rw: MS.RDONLY,
  suid: MS.NOSUID,
  dev: MS.NODEV,
  exec: MS.NOEXEC,
  async: MS.SYNCHRONOUS,
  nomand: MS.MANDLOCK,
  atime: MS.NOATIME,
  diratime: MS.NODIRATIME,
  norelatime: MS.RELATIME,
  nostrictatime: MS.STRICTATIME,
  defaults: 0,
};

/** What is mounted at `target`; undefined for a volume that is a plain directory. */
export function mountOf(options: Options | null, target: string): HostMount | undefined {
  const { type, device, o = "" } = options ?? {};
  if (type === undefined || device === undefined) return undefined;
  let flags = 0;
  const data: string[] = [];
  for (const word of o.split(",").filter((one) => one !== "")) {
    const set = Object.hasOwn(SET, word) ? SET[word] : undefined;
    const cleared = Object.hasOwn(CLEARED, word) ? CLEARED[word] : undefined;
    if (set !== undefined) flags |= set;
    else if (cleared !== undefined) flags &= ~cleared;
    else data.push(word);
  }
  return { source: device, target, type, flags, data: data.join(",") };
}

/** File systems of other hosts: the kernel takes their addresses only, as mount(8)'s helpers look names up. */
const REMOTE = new Set(["nfs", "nfs4", "cifs"]);

export function isRemote({ type }: HostMount): boolean {
  return REMOTE.has(type);
}

/** Replaces the name of a server in `addr=` by its address. @throws when it has none */
export async function withAddress(mount: HostMount): Promise<HostMount> {
  const host = /(?:^|,)addr=([^,]+)/.exec(mount.data)?.[1];
  const { isIP } = await import("node:net");
  if (host === undefined || isIP(host) !== 0) return mount;
  const { lookup } = await import("node:dns/promises");
  const { address } = await lookup(host);
  return { ...mount, data: mount.data.replace(/(^|,)addr=[^,]+/, (_, comma) => `${comma}addr=${address}`) };
}
