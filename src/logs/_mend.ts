/**
 * Opens a log file for appending and cuts off a record without an end.
 *
 * A shim that is killed in the middle of a write, or a full disk, leaves a torn last line; whatever is appended behind it
 * would be torn too.
 */

import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync } from "node:fs";
import { recordTime } from "./_record_time.ts";

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

/** The time of the last record of an open log file of `size` bytes, as recordTime gives it; undefined when there is none. */
export function lastRecordTime(fd: number, size: number): string | undefined {
  const block = new Uint8Array(Math.min(LONGEST_RECORD, size));
  readSync(fd, block, 0, block.length, size - block.length);
  for (let end = block.lastIndexOf(NEWLINE); end > 0; ) {
    const start = block.lastIndexOf(NEWLINE, end - 1) + 1;
    const time = recordTime(block.subarray(start, end));
    if (time !== undefined) return time;
    end = start - 1;
  }
  return undefined;
}

/** 16 KiB of output, each byte escaped, and its attributes. */
const LONGEST_RECORD = 256 * 1024;
