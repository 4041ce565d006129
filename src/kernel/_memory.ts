/**
 * Turns the arguments of a call into the words the kernel reads.
 *
 * A word is a number or the address of memory; that memory is pushed on `keep`, and whoever encodes holds `keep` until the
 * kernel is done with it (a garbage collector does not see addresses).
 */

import { ptr } from "bun:ffi";
import type { Argument, Call } from "./call.ts";

type Memory = Uint8Array | BigInt64Array | BigUint64Array | Int32Array;

const encoder = new TextEncoder();

/** The word of one argument; `resultAddress` says where the result of an earlier row of the program stands. */
export function wordOf(argument: Argument, keep: unknown[], resultAddress: (row: Call) => bigint): bigint {
  if (typeof argument !== "object") return BigInt.asIntN(64, BigInt(argument));
  switch (argument.kind) {
    case "named":
      return BigInt.asIntN(64, BigInt(argument.value));
    case "text":
      return held(textBytes(argument.text), keep);
    case "texts":
      return held(vectorOf(argument.texts, keep), keep);
    case "bytes":
      return held(argument.bytes, keep);
    case "struct":
      return held(withPointers(argument, keep), keep);
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

function held(memory: Memory, keep: unknown[]): bigint {
  keep.push(memory);
  return BigInt(addressOf(memory));
}

/** A NULL-terminated array of addresses of strings. */
function vectorOf(values: readonly string[], keep: unknown[]): BigInt64Array {
  const vector = new BigInt64Array(values.length + 1);
  values.forEach((value, index) => {
    vector[index] = held(textBytes(value), keep);
  });
  return vector;
}

function withPointers(argument: Extract<Argument, { kind: "struct" }>, keep: unknown[]): Uint8Array {
  const { buffer, byteOffset, byteLength } = argument.bytes;
  const view = new DataView(buffer, byteOffset, byteLength);
  for (const { offset, to } of argument.pointers) view.setBigInt64(offset, held(to, keep), true);
  return argument.bytes;
}
