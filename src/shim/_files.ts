/** The files a shim leaves: the exit record, steps of the receipt, and what went wrong where nobody listened. */

import {
  appendFileSync,
  closeSync,
  constants,
  fsyncSync,
  ftruncateSync,
  openSync,
  renameSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { recording } from "../kernel/receipt.ts";
import type { Step } from "../spec/receipt.ts";
import { messageOf } from "../std/errors.ts";
import { rfc3339, wallClock } from "../std/time.ts";
import type { ExitRecord } from "./protocol.ts";

/** A receipt beyond this size is not appended to: a health check makes an exec every few seconds, for months. */
const MOST_OF_RECEIPT = 4 * 1024 * 1024;

/** More than a record takes. */
const RESERVED = 1024;

/** Takes room on the disk for a record ahead of time, so that a disk that is full by then does not lose the end. */
export function reserveExitRecord(path: string): void {
  writeFileSync(unfinished(path), " ".repeat(RESERVED), { mode: 0o600 });
}

function unfinished(path: string): string {
  return `${path}.new`;
}

/**
 * Writes the record so that it is there whole or not at all, whatever happens after the return; a disposable container's need not
 * survive the end of the system.
 */
export function writeExitRecord(
  path: string,
  record: ExitRecord,
  { disposable }: { disposable: boolean },
): void {
  const temporary = unfinished(path);
  // Not emptied first: the room that was reserved stays its own.
  const fd = openSync(temporary, constants.O_WRONLY | constants.O_CREAT, 0o600);
  try {
    ftruncateSync(fd, writeSync(fd, `${JSON.stringify(record)}\n`, 0));
    if (!disposable) fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, path);
  if (!disposable) syncDirectory(dirname(path));
}

function syncDirectory(path: string): void {
  const directory = openSync(path, "r");
  fsyncSync(directory);
  closeSync(directory);
}

/** Steps that are not in their file yet. */
let unwritten: { file: string; steps: (() => Step)[] }[] = [];

/**
 * Runs one phase of work and appends its steps to the receipt in one write. Whoever waits for the work is told first, and
 * `flushReceipts` makes sure of the rest; but of a failure the steps come first, for they are what will be asked for next.
 */
export async function recordPhase<T>(file: string, work: () => Promise<T>): Promise<T> {
  const steps: (() => Step)[] = [];
  try {
    const result = await recording("shim", (step) => steps.push(step), work);
    if (unwritten.length === 0) setImmediate(flushReceipts);
    unwritten.push({ file, steps });
    return result;
  } catch (error) {
    unwritten.push({ file, steps });
    flushReceipts();
    throw error;
  }
}

/** Runs work after which nothing can be written any more: each step is in the receipt as soon as it is reported. */
export function recordNow(file: string, work: () => never): never {
  return recording("shim", (step) => appendSteps(file, [step]), work);
}

/** Writes what phases that are done have left to be written. */
export function flushReceipts(): void {
  const phases = unwritten;
  unwritten = [];
  for (const { file, steps } of phases) appendSteps(file, steps);
}

function appendSteps(receiptFile: string, steps: readonly (() => Step)[]): void {
  if (steps.length === 0) return;
  const size = statSync(receiptFile, { throwIfNoEntry: false })?.size ?? 0;
  if (size > MOST_OF_RECEIPT) return;
  const lines = steps.map((step) => `${JSON.stringify(step())}\n`).join("");
  try {
    appendFileSync(receiptFile, lines, { mode: 0o600 });
  } catch (error) {
    // A container is not to fail for its receipt.
    noteTrouble(dirname(receiptFile), error);
  }
}

/** Notes what nobody was there to be told, in `shim.log` of a directory. */
export function noteTrouble(directory: string, error: unknown): void {
  try {
    const line = `${rfc3339(wallClock())} ${messageOf(error)}\n`;
    appendFileSync(join(directory, "shim.log"), line, { mode: 0o600 });
  } catch {
    // The disk is full or gone; there is nowhere left to say so, and the container goes on.
  }
}
