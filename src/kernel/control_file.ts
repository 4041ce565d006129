/** Small files by which the kernel is asked and told: procfs, sysfs, cgroupfs. */

import { type Call, stepOf, text } from "./call.ts";
import { ERRNO } from "./errno.ts";
import { closeFd, owned, readText } from "./file.ts";
import { AT, O } from "./flags.ts";
import { now, report } from "./receipt.ts";
import { check, sys } from "./syscall.ts";

/**
 * A small file of procfs, sysfs or cgroupfs as text; undefined where there is none.
 * @throws {SyscallError}
 */
export function readControlFile(path: string): string | undefined {
  const fd = sys("openat", AT.FDCWD, path, O.RDONLY | O.CLOEXEC);
  if (fd === -ERRNO.ENOENT || fd === -ERRNO.ENODEV) return undefined;
  using file = owned(check(fd, `open ${path}`));
  return readText(file.fd, path, CONTROL_FILE_LIMIT);
}

const CONTROL_FILE_LIMIT = 64 * 1024 * 1024;

/**
 * Writes a control file of cgroupfs or procfs: one step, `write` of the text to the path.
 * @param what names the write in an error and in the receipt: `limit memory`.
 * @throws {SyscallError}
 */
export function writeControlFile(path: string, value: string, what: string): void {
  const call: Call = { call: "write", args: [text(path), text(value)], what, see: `cat ${path}` };
  const at = now();
  const result = writeWhole(path, value);
  const ns = Number(now() - at);
  report((by) => stepOf(call, { at, by, result, ns }));
  check(result, `${what}: write ${JSON.stringify(value)} to ${path}`);
}

function writeWhole(path: string, value: string): number {
  const fd = sys("openat", AT.FDCWD, path, O.WRONLY | O.CLOEXEC);
  if (fd < 0) return fd;
  const data = encoder.encode(value);
  const result = sys("write", fd, data, data.length);
  closeFd(fd);
  return result;
}

const encoder = new TextEncoder();
