/**
 * Turns the arguments of a call into the words the kernel reads.
 *
 * A word is a number or the address of memory. Whoever encodes holds on to an Arena until the kernel is done with that memory (a
 * garbage collector does not see addresses). Strings are written one behind the other into blocks: a program has hundreds.
 */

import { ptr } from "bun:ffi";
import type { Argument, Call } from "./call.ts";

type Memory = Uint8Array | BigInt64Array | BigUint64Array | Int32Array;

const encoder = new TextEncoder();

/** Memory that words refer to. */
export interface Arena {
  held: unknown[];
  /** Where the next string goes. */
  block: { bytes: Buffer; address: number; used: number };
  /** Addresses of arrays of strings; rows that share one share its memory. */
  vectors: Map<Argument, number>;
}

export function newArena(): Arena {
  return { held: [], block: { bytes: Buffer.alloc(0), address: 0, used: 0 }, vectors: new Map() };
}

/** The word of one argument; `resultAddress` says where the result of an earlier row of the program stands. */
export function wordOf(
  argument: Argument,
  arena: Arena,
  resultAddress: (row: Call) => number,
): number | bigint {
  if (typeof argument !== "object") return argument;
  switch (argument.kind) {
    case "named":
      return argument.value;
    case "text":
      return placeText(argument.text, arena);
    case "texts":
      return vectorOf(argument, arena);
    case "bytes":
      return hold(argument.bytes, arena);
    case "struct":
      return hold(withPointers(argument, arena), arena);
    case "result":
      return resultAddress(argument.of);
  }
}

/**
 * The address of memory; empty memory has none and gives NULL.
 *
 * A small typed array lies in the collector's heap until its `buffer` is first asked for, by a DataView or `subarray` too,
 * and moves then; asking for it here first makes the address last as long as the array.
 */
export function addressOf(memory: Memory): number {
  return memory.buffer.byteLength === 0 || memory.byteLength === 0 ? 0 : ptr(memory);
}

/** A string with its terminating NUL. */
export function textBytes(value: string): Uint8Array {
  refuseNul(value);
  return encoder.encode(`${value}\0`);
}

/** A string with a NUL inside would be cut short by the kernel, so it is refused. */
export function refuseNul(value: string): void {
  if (value.includes("\0"))
    throw new TypeError(`a string for the kernel holds a NUL byte: ${JSON.stringify(value)}`);
}

function hold(memory: Memory, arena: Arena): number {
  arena.held.push(memory);
  return addressOf(memory);
}

/** The most bytes that a UTF-16 unit takes in UTF-8. */
const WIDEST = 3;
const BLOCK = 16 * 1024;

function placeText(value: string, arena: Arena): number {
  refuseNul(value);
  const most = value.length * WIDEST + 1;
  if (arena.block.used + most > arena.block.bytes.length) addBlock(arena, most);
  const { block } = arena;
  const at = block.used;
  const end = at + block.bytes.write(value, at, "utf8");
  block.bytes[end] = 0;
  block.used = end + 1;
  return block.address + at;
}

function addBlock(arena: Arena, least: number): void {
  const bytes = Buffer.from(new ArrayBuffer(Math.max(BLOCK, least)));
  arena.held.push(bytes);
  arena.block = { bytes, address: ptr(bytes), used: 0 };
}

/** A NULL-terminated array of addresses of strings. */
function vectorOf(argument: Extract<Argument, { kind: "texts" }>, arena: Arena): number {
  const known = arena.vectors.get(argument);
  if (known !== undefined) return known;
  const vector = new BigInt64Array(argument.texts.length + 1);
  argument.texts.forEach((value, index) => {
    vector[index] = BigInt(placeText(value, arena));
  });
  const address = hold(vector, arena);
  arena.vectors.set(argument, address);
  return address;
}

function withPointers(argument: Extract<Argument, { kind: "struct" }>, arena: Arena): Uint8Array {
  const { buffer, byteOffset, byteLength } = argument.bytes;
  const view = new DataView(buffer, byteOffset, byteLength);
  for (const { offset, to } of argument.pointers) view.setBigInt64(offset, BigInt(hold(to, arena)), true);
  return argument.bytes;
}
