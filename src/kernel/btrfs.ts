/**
 * Subvolumes of btrfs: trees of files that the file system can copy whole in one step, and bound.
 *
 * Source: btrfs-ioctl(2), include/uapi/linux/btrfs.h.
 */

import { basename, dirname } from "node:path";
import { type Argument, bytes, named } from "./call.ts";
import { owned } from "./file.ts";
import { AT, O } from "./flags.ts";
import { statAt } from "./stat.ts";
import { check, perform, sys } from "./syscall.ts";

const IOCTL = {
  SNAP_DESTROY: 0x5000_940f,
  SNAP_CREATE_V2: 0x5000_9417,
  SUBVOL_CREATE_V2: 0x5000_9418,
  QUOTA_CTL: 0xc010_9428,
  QGROUP_LIMIT: 0x8030_942b,
} as const;

/** BTRFS_SUPER_MAGIC, statfs(2). */
const MAGIC = 0x9123_683en;
/** BTRFS_FIRST_FREE_OBJECTID: what the root directory of every subvolume has for an inode. */
const SUBVOLUME_INODE = 256n;

/** Whether a directory lies on btrfs. @throws {SyscallError} */
export function isBtrfs(path: string): boolean {
  using directory = openDirectory(path);
  const facts = new BigUint64Array(new ArrayBuffer(120));
  check(sys("fstatfs", directory.fd, facts), "ask for a file system");
  return facts[0] === MAGIC;
}

/** Whether a subvolume is rooted at a path; false where nothing is there. */
export function isSubvolume(path: string): boolean {
  return statAt(AT.FDCWD, path)?.ino === SUBVOLUME_INODE;
}

/** Makes an empty subvolume. @throws {SyscallError} EEXIST; ENOTTY, where the file system is another */
export function createSubvolume(path: string): void {
  command("SUBVOL_CREATE_V2", path, { what: `make the subvolume ${path}`, fields: {} });
}

/** Makes a subvolume that is what another is now, and shares its blocks. @throws {SyscallError} */
export function snapshotSubvolume(source: string, path: string): void {
  using origin = openDirectory(source);
  command("SNAP_CREATE_V2", path, {
    what: `make ${path} a snapshot of ${source}`,
    fields: { fd: origin.fd, of: source },
  });
}

/** Takes a subvolume away; the file system gives the room back by and by. @throws {SyscallError} */
export function destroySubvolume(path: string): void {
  command("SNAP_DESTROY", path, { what: `remove the subvolume ${path}`, fields: {} });
}

/** struct btrfs_ioctl_vol_args(_v2): fd at 0; the name at 8, in the second version at 56. */
const VOLUME_ARGUMENTS = { size: 4096, name: { SNAP_DESTROY: 8, SNAP_CREATE_V2: 56, SUBVOL_CREATE_V2: 56 } };

function command(
  name: keyof typeof VOLUME_ARGUMENTS.name,
  path: string,
  { what, fields }: { what: string; fields: { fd?: number; of?: string } },
): void {
  using parent = openDirectory(dirname(path));
  const buffer = Buffer.alloc(VOLUME_ARGUMENTS.size);
  buffer.writeBigInt64LE(BigInt(fields.fd ?? 0), 0);
  buffer.write(basename(path), VOLUME_ARGUMENTS.name[name]);
  const of = fields.of === undefined ? "" : `fd=${JSON.stringify(fields.of)}, `;
  perform({
    call: "ioctl",
    args: [
      named(parent.fd, JSON.stringify(dirname(path))),
      named(IOCTL[name], `BTRFS_IOC_${name}`),
      bytes(buffer, `{${of}name=${JSON.stringify(basename(path))}}`),
    ],
    what,
    see: `btrfs subvolume show ${path}`,
  });
}

const BTRFS_QUOTA_CTL_ENABLE = 1n;
const BTRFS_QGROUP_LIMIT_MAX_EXCL = 2n;

/** Bounds the bytes that a subvolume shares with no other, and has the file system count them if it does not yet. @throws {SyscallError} */
export function limitSubvolume(path: string, limit: number): void {
  using directory = openDirectory(path);
  const place = named(directory.fd, JSON.stringify(path));
  const enable = new BigUint64Array([BTRFS_QUOTA_CTL_ENABLE, 0n]);
  perform({
    call: "ioctl",
    args: [place, named(IOCTL.QUOTA_CTL, "BTRFS_IOC_QUOTA_CTL"), structure(enable, "{QUOTA_CTL_ENABLE}")],
    may: ["EEXIST"],
    what: `count what subvolumes take, on the file system of ${path}`,
  });
  // Of group 0, which is the subvolume's own: flags, and then the bounds in the order of the flags' bits.
  const bound = new BigUint64Array([0n, BTRFS_QGROUP_LIMIT_MAX_EXCL, 0n, BigInt(limit), 0n, 0n]);
  perform({
    call: "ioctl",
    args: [
      place,
      named(IOCTL.QGROUP_LIMIT, "BTRFS_IOC_QGROUP_LIMIT"),
      structure(bound, `{max_excl=${limit}}`),
    ],
    what: `limit ${path} to ${limit} bytes`,
    see: `btrfs qgroup show -e ${path}`,
  });
}

function structure(words: BigUint64Array, shown: string): Argument {
  return bytes(new Uint8Array(words.buffer), shown);
}

function openDirectory(path: string): Disposable & { fd: number } {
  return owned(check(sys("openat", AT.FDCWD, path, O.RDONLY | O.DIRECTORY | O.CLOEXEC), `open ${path}`));
}
