/**
 * Sparse files: which runs of bytes are stored, in GNU tar's four ways to say so.
 *
 * Source: GNU tar manual, "Storing Sparse Files" and "Basic Tar Format" (old GNU).
 */

import { BLOCK, damaged, type Field, numberField } from "./_fields.ts";
import { type PaxRecord, paxNumber, paxText } from "./_pax.ts";
import type { TarRun } from "./entry.ts";

/** More runs than any real file has; it bounds the memory a hostile archive can take. */
const MOST_RUNS = 1 << 18;

const OLD_GNU = { runsAt: 386, runs: 4, extendedAt: 482, realSize: [483, 12] as Field };
const EXTENSION = { runsAt: 0, runs: 21, extendedAt: 504 };
const NUMBER = 12;

/** What the header block of an old GNU sparse file says. */
export function oldGnuSparse(block: Uint8Array): { runs: TarRun[]; realSize: number; extended: boolean } {
  return {
    runs: runsIn(block, OLD_GNU.runsAt, OLD_GNU.runs),
    realSize: numberField(block, OLD_GNU.realSize),
    extended: block[OLD_GNU.extendedAt] !== 0,
  };
}

/** Adds the runs of an extension block; gives whether another follows. */
export function addExtension(runs: TarRun[], block: Uint8Array): boolean {
  runs.push(...runsIn(block, EXTENSION.runsAt, EXTENSION.runs));
  if (runs.length > MOST_RUNS) throw tooMany();
  return block[EXTENSION.extendedAt] !== 0;
}

function runsIn(block: Uint8Array, at: number, count: number): TarRun[] {
  const runs: TarRun[] = [];
  for (let index = 0; index < count; index += 1) {
    const start = at + index * 2 * NUMBER;
    // An unused place is empty; one of length 0 only marks the end of the file.
    if (block[start] === 0 && block[start + NUMBER] === 0) break;
    runs.push({
      offset: numberField(block, [start, NUMBER]),
      length: numberField(block, [start + NUMBER, NUMBER]),
    });
  }
  return runs;
}

/** Runs given in pax records: pairs of records (0.0) or one list (0.1); undefined where there are none. */
export function paxRuns(records: readonly PaxRecord[]): TarRun[] | undefined {
  const numbers: number[] = [];
  let found = false;
  for (const [key, value] of records) {
    if (key === "GNU.sparse.offset" || key === "GNU.sparse.numbytes") numbers.push(paxNumber(value));
    else if (key === "GNU.sparse.map") numbers.push(...listOf(value));
    else continue;
    found = true;
    if (numbers.length > 2 * MOST_RUNS) throw tooMany();
  }
  return found ? pairs(numbers) : undefined;
}

function listOf(value: Uint8Array): number[] {
  if (value.length === 0) return [];
  return paxText(value)
    .split(",")
    .map((number) => paxNumber(new TextEncoder().encode(number)));
}

function pairs(numbers: readonly number[]): TarRun[] {
  if (numbers.length % 2 !== 0) throw damaged("the map of a sparse file has an odd number of values");
  return Array.from({ length: numbers.length / 2 }, (_, index) => ({
    offset: numbers[2 * index] ?? 0,
    length: numbers[2 * index + 1] ?? 0,
  }));
}

/** The map of format 1.0: decimal numbers on lines of their own before the data, filled up to a block. */
export interface MapReader {
  /** Takes one block; gives the runs once the map is whole. */
  add(block: Uint8Array): TarRun[] | undefined;
}

export function mapReader(): MapReader {
  const numbers: number[] = [];
  let digits = "";
  let wanted = 1;
  return {
    add(block) {
      for (const byte of block.subarray(0, BLOCK)) {
        if (byte !== 0x0a) {
          digits += String.fromCharCode(byte);
          if (digits.length > 16) throw damaged("a number in the map of a sparse file is malformed");
          continue;
        }
        numbers.push(paxNumber(new TextEncoder().encode(digits)));
        digits = "";
        if (numbers.length === 1) wanted = 1 + 2 * (numbers[0] ?? 0);
        if (wanted > 2 * MOST_RUNS) throw tooMany();
        if (numbers.length === wanted) return pairs(numbers.slice(1));
      }
      return undefined;
    },
  };
}

/** Runs must ascend, not overlap and lie inside the file; those of length 0 are dropped. @throws {FathomError} invalid */
export function checkedRuns(runs: readonly TarRun[], realSize: number): TarRun[] {
  let end = 0;
  for (const { offset, length } of runs) {
    if (offset < end || length < 0 || offset + length > realSize) {
      throw damaged("the map of a sparse file does not fit the file");
    }
    end = offset + length;
  }
  return runs.filter(({ length }) => length > 0);
}

function tooMany(): Error {
  return damaged(`a sparse file has more than ${MOST_RUNS} runs`);
}
