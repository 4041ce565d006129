/**
 * Opens a log file for appending and cuts off a record without an end.
 *
 * A shim that is killed in the middle of a write, or a full disk, leaves a torn last line; whatever is appended behind it
 * would be torn too.
 */

import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync } from "node:fs";

/** Docker's mode for log files. */
const FILE_MODE = 0o640;
const BLOCK = 64 * 1024;
const NEWLINE = 10;
const { O_APPEND, O_CREAT, O_NOFOLLOW, O_RDWR, O_TRUNC } = constants;

/** The descriptor of the log file at `path`, made if absent. */
export function openMended(path: string): number {
  const fd = openSync(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW, FILE_MODE);
  try {
    const { size } = fstatSync(fd);
    const whole = endOfRecords(fd, size);
    if (whole < size) ftruncateSync(fd, whole);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** The descriptor of an empty log file at `path`. */
export function openEmpty(path: string): number {
  return openSync(path, O_RDWR | O_APPEND | O_CREAT | O_TRUNC | O_NOFOLLOW, FILE_MODE);
}

/** The byte behind the last newline. */
function endOfRecords(fd: number, size: number): number {
  const block = new Uint8Array(Math.min(BLOCK, size));
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - block.length);
    readSync(fd, block, 0, end - start, start);
    const newline = block.subarray(0, end - start).lastIndexOf(NEWLINE);
    if (newline >= 0) return start + newline + 1;
    end = start;
  }
  return 0;
}
