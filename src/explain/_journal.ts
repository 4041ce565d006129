/** The file a receipt is kept in: bounded, appended to by more than one process, and read whatever state it is in. */

import { type FileHandle, open } from "node:fs/promises";
import type { Step } from "../spec/receipt.ts";
import { isAbsent } from "../std/absent.ts";

/** Bytes after which a file takes no more steps; the line that counts the rest may stand behind it. */
export const CAPACITY = 1 << 20;

/** Bytes that are read at the most: a shim appends to the file by a bound of its own. */
const MOST_READ = 8 * CAPACITY;

/** Stands for steps that were left out; of fixed length, so that its count can be raised in place. */
const COUNT_DIGITS = 12;
const omittedLine = (count: number) => `{"omitted":${String(count).padStart(COUNT_DIGITS)}}\n`;
const OMITTED_LENGTH = omittedLine(0).length;

export interface Journal {
  steps: Step[];
  /** Steps that did not fit. */
  omitted: number;
}

/**
 * Appends steps, and counts those that no longer fit. Does nothing where the directory is gone: its container was removed.
 * @param omitted steps that were left out before they came here
 */
export async function append(path: string, steps: readonly Step[], omitted = 0): Promise<void> {
  const file = await openUnlessGone(path, "a+");
  if (file === undefined) return;
  await using _ = file;
  const { size } = await file.stat();
  const tail = await readAt(file, Math.max(0, size - OMITTED_LENGTH), OMITTED_LENGTH);
  const counted = parseLine(tail);
  const full = isOmitted(counted);
  const { lines, left } = fitting(steps, full ? 0 : CAPACITY - size);
  const more = left + omitted;
  if (full && more > 0) return recount(path, { count: counted.omitted + more, at: size - OMITTED_LENGTH });
  const torn = tail !== "" && !tail.endsWith("\n") ? "\n" : "";
  const text = lines + (more > 0 ? omittedLine(more) : "");
  if (text !== "") await file.appendFile(torn + text);
}

/** All of a file; what another process is writing at its end is left for the next time. */
export async function read(path: string): Promise<Journal> {
  const file = await openUnlessGone(path, "r");
  if (file === undefined) return { steps: [], omitted: 0 };
  await using _ = file;
  return parse(await readAt(file, 0, MOST_READ));
}

/** The steps in a file's text; lines that are none are passed over. */
export function parse(text: string): Journal {
  const journal: Journal = { steps: [], omitted: 0 };
  for (const line of text.split("\n")) {
    const value = parseLine(line);
    if (isStep(value)) journal.steps.push(value);
    else if (isOmitted(value)) journal.omitted += value.omitted;
  }
  return journal;
}

/** A file opened for reading along while it grows; it stays readable when it is removed. Undefined without a directory. */
export function follow(path: string): Promise<FileHandle | undefined> {
  return openUnlessGone(path, "a+");
}

/** The bytes between two places of a file, as far as they are there. */
export async function readAt(file: FileHandle, start: number, length: number): Promise<string> {
  const { size } = await file.stat();
  const buffer = Buffer.alloc(Math.max(0, Math.min(length, size - start)));
  const { bytesRead } = await file.read(buffer, 0, buffer.length, start);
  return buffer.toString("utf8", 0, bytesRead);
}

async function openUnlessGone(path: string, flags: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, flags, 0o600);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

function fitting(steps: readonly Step[], room: number): { lines: string; left: number } {
  let lines = "";
  let rest = room;
  for (const [index, step] of steps.entries()) {
    const line = `${JSON.stringify(step)}\n`;
    rest -= Buffer.byteLength(line);
    if (rest < 0) return { lines, left: steps.length - index };
    lines += line;
  }
  return { lines, left: 0 };
}

/** Not through the descriptor that appends: it would write at the end whatever the position (pwrite(2), BUGS). */
async function recount(path: string, { count, at }: { count: number; at: number }): Promise<void> {
  const file = await openUnlessGone(path, "r+");
  if (file === undefined) return;
  await using _ = file;
  await file.write(omittedLine(count), at);
}

/** Undefined for what is no JSON. */
function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function isOmitted(value: unknown): value is { omitted: number } {
  return isObject(value) && typeof value.omitted === "number";
}

function isStep(value: unknown): value is Step {
  return (
    isObject(value) &&
    typeof value.at === "string" &&
    /^\d+$/.test(value.at) &&
    typeof value.by === "string" &&
    typeof value.call === "string" &&
    typeof value.result === "number" &&
    Array.isArray(value.args) &&
    value.args.every((argument) => typeof argument === "string")
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
