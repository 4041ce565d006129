/**
 * Project quotas: how many bytes a tree may take on its file system, ext4 or xfs mounted with `prjquota`.
 *
 * A directory carries the number of a project, and what is made in it inherits the number; the limit belongs to the number.
 * Both are kept by the file system. Source: ioctl_xfs_fsgetxattr(2), quotactl(2), include/uapi/linux/{fs,dqblk_xfs}.h.
 */

import { type Call, named } from "./call.ts";
import { ERRNO } from "./errno.ts";
import { owned } from "./file.ts";
import { AT, O } from "./flags.ts";
import { check, perform, sys } from "./syscall.ts";

/** What a project may take and takes, in bytes; a limit of 0 is none. */
export interface ProjectQuota {
  limit: number;
  used: number;
}

const FS_IOC_FSGETXATTR = 0x801c_581f;
const FS_IOC_FSSETXATTR = 0x401c_5820;
const FS_XFLAG_PROJINHERIT = 0x200;
/** struct fsxattr: xflags at 0, projid at 12. */
const FSXATTR = { size: 28, flags: 0, project: 12 } as const;

/** Gives an empty directory to a project, with all that will be made in it. @throws {SyscallError} EOPNOTSUPP, ENOTTY */
export function setProject(path: string, project: number): void {
  using directory = openDirectory(path);
  const attributes = new Uint8Array(FSXATTR.size);
  check(sys("ioctl", directory.fd, FS_IOC_FSGETXATTR, attributes), `read the attributes of ${path}`);
  const view = new DataView(attributes.buffer);
  view.setUint32(FSXATTR.flags, view.getUint32(FSXATTR.flags, true) | FS_XFLAG_PROJINHERIT, true);
  view.setUint32(FSXATTR.project, project, true);
  const shown = `{fsx_xflags=FS_XFLAG_PROJINHERIT, fsx_projid=${project}}`;
  perform({
    call: "ioctl",
    args: [
      named(directory.fd, JSON.stringify(path)),
      named(FS_IOC_FSSETXATTR, "FS_IOC_FSSETXATTR"),
      { kind: "bytes", bytes: attributes, shown },
    ],
    what: `give ${path} to project ${project}`,
    see: `lsattr -pd ${path}`,
  });
}

/** The project of a directory; 0 is none, also where there is no directory. @throws {SyscallError} */
export function projectOf(path: string): number {
  const opened = sys("openat", AT.FDCWD, path, O.RDONLY | O.DIRECTORY | O.CLOEXEC);
  if (opened === -ERRNO.ENOENT) return 0;
  using directory = owned(check(opened, `open ${path}`));
  const attributes = new Uint8Array(FSXATTR.size);
  const answer = sys("ioctl", directory.fd, FS_IOC_FSGETXATTR, attributes);
  if (answer === -ERRNO.ENOTTY || answer === -ERRNO.EOPNOTSUPP) return 0;
  check(answer, `read the attributes of ${path}`);
  return new DataView(attributes.buffer).getUint32(FSXATTR.project, true);
}

const PRJQUOTA = 2;
const Q_XGETQUOTA = 0x5803;
const Q_XSETQLIM = 0x5804;
const QCMD = (command: number): number => command * 256 + PRJQUOTA;
/** struct fs_disk_quota; blocks are of 512 bytes whatever the file system's. */
const QUOTA = { size: 112, version: 0, flags: 1, fields: 2, id: 4, hard: 8, soft: 16, used: 40 } as const;
const FS_DQUOT_VERSION = 1;
const FS_PROJ_QUOTA = 2;
const FS_DQ_BLOCK_LIMITS = 0b1100;
const BLOCK = 512;

/**
 * What is known of a project on the file system of `path`; undefined where that keeps no project quotas. A project that nobody
 * has used has neither limit nor use. @throws {SyscallError}
 */
export function projectQuota(path: string, project: number): ProjectQuota | undefined {
  using directory = openDirectory(path);
  const quota = new Uint8Array(QUOTA.size);
  const answer = sys("quotactl_fd", directory.fd, QCMD(Q_XGETQUOTA), project, quota);
  if (answer === -ERRNO.ENOENT) return { limit: 0, used: 0 };
  if (WITHOUT_QUOTAS.has(answer)) return undefined;
  check(answer, `read the quota of project ${project}`);
  const view = new DataView(quota.buffer);
  const bytes = (at: number) => Number(view.getBigUint64(at, true)) * BLOCK;
  return { limit: bytes(QUOTA.hard), used: bytes(QUOTA.used) };
}

const WITHOUT_QUOTAS: ReadonlySet<number> = new Set(
  [ERRNO.ESRCH, ERRNO.ENOSYS, ERRNO.EOPNOTSUPP, ERRNO.EINVAL].map((errno) => -errno),
);

/** Sets how many bytes a project may take, rounded up to blocks of 512; 0 takes the limit away. @throws {SyscallError} */
export function limitProject(path: string, project: number, limit: number): void {
  using directory = openDirectory(path);
  const quota = new Uint8Array(QUOTA.size);
  const view = new DataView(quota.buffer);
  view.setInt8(QUOTA.version, FS_DQUOT_VERSION);
  view.setInt8(QUOTA.flags, FS_PROJ_QUOTA);
  view.setUint16(QUOTA.fields, FS_DQ_BLOCK_LIMITS, true);
  view.setUint32(QUOTA.id, project, true);
  const blocks = BigInt(Math.ceil(limit / BLOCK));
  for (const at of [QUOTA.hard, QUOTA.soft]) view.setBigUint64(at, blocks, true);
  const call: Call = {
    call: "quotactl_fd",
    args: [
      named(directory.fd, JSON.stringify(path)),
      named(QCMD(Q_XSETQLIM), "QCMD(Q_XSETQLIM, PRJQUOTA)"),
      project,
      { kind: "bytes", bytes: quota, shown: `{d_blk_hardlimit=${blocks}}` },
    ],
    what: `limit project ${project} to ${limit} bytes`,
    see: `repquota -P -n $(stat -c %m ${path})`,
  };
  perform(call);
}

function openDirectory(path: string): Disposable & { fd: number } {
  return owned(check(sys("openat", AT.FDCWD, path, O.RDONLY | O.DIRECTORY | O.CLOEXEC), `open ${path}`));
}
