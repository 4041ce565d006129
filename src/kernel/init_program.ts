/**
 * The program that is a container's first process where an init is asked for (`--init`): a static executable of a few hundred
 * bytes, since nothing of ours that is larger has a place in a container.
 *
 * `docker-init -- PROGRAM ARGUMENT…` starts the program as its child, in a process group of its own that is the terminal's
 * foreground; hands every signal on to it; reaps whatever becomes an orphan; and ends as the program did: with its status, or 128
 * and the number of the signal that ended it. It waits for signals that it blocks (sigtimedwait(2)), so that it needs no handlers.
 * A program that there is none of gives 127, one that cannot be executed 126, and a line on standard error.
 */

import { listing as arm64 } from "./_init_arm64.ts";
import { listing as x86_64 } from "./_init_x86_64.ts";
import { ARCH, type Arch } from "./arch.ts";

const HEADER = 64;
const PROGRAM_HEADER = 56;
const HEADERS = HEADER + 2 * PROGRAM_HEADER;
const ADDRESS = 0x400000;
const PAGE = 0x10000;

const ET_EXEC = 2;
const MACHINE: Record<Arch, number> = { x86_64: 62, arm64: 183 };
const PT_LOAD = 1;
const PT_GNU_STACK = 0x6474e551;
const PF = { X: 1, W: 2, R: 4 };

/** The code of a listing. @internal */
export function initCode(arch: Arch): Uint8Array {
  const listing = arch === "x86_64" ? x86_64 : arm64;
  return Uint8Array.from(Buffer.from(listing.map(([bytes]) => bytes).join(""), "hex"));
}

/** The executable for an architecture, elf(5): its headers, then the code, mapped as they stand; a stack that is no code. */
export function initProgram(arch: Arch = ARCH): Uint8Array {
  const code = initCode(arch);
  const file = Buffer.alloc(HEADERS + code.length);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  file.writeUInt16LE(ET_EXEC, 16);
  file.writeUInt16LE(MACHINE[arch], 18);
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(BigInt(ADDRESS + HEADERS), 24);
  file.writeBigUInt64LE(BigInt(HEADER), 32);
  file.writeUInt16LE(HEADER, 52);
  file.writeUInt16LE(PROGRAM_HEADER, 54);
  file.writeUInt16LE(2, 56);
  segment(file, HEADER, { type: PT_LOAD, flags: PF.R | PF.X, size: file.length });
  segment(file, HEADER + PROGRAM_HEADER, { type: PT_GNU_STACK, flags: PF.R | PF.W, size: 0 });
  file.set(code, HEADERS);
  return file;
}

function segment(
  file: Buffer,
  at: number,
  { type, flags, size }: { type: number; flags: number; size: number },
): void {
  file.writeUInt32LE(type, at);
  file.writeUInt32LE(flags, at + 4);
  if (size === 0) return;
  for (const place of [16, 24]) file.writeBigUInt64LE(BigInt(ADDRESS), at + place);
  for (const place of [32, 40]) file.writeBigUInt64LE(BigInt(size), at + place);
  file.writeBigUInt64LE(BigInt(PAGE), at + 48);
}
