/**
 * Loads the machine code and gives its two entries as functions.
 *
 * Memory that `program_entry` reads, all words of 8 bytes:
 *
 *     control   clone_args address | its size | table address | PID namespace | own PID namespace | two results
 *     table     rows, then a word of -1
 *     row       number | argument 0..5 | result | control word
 *     control word
 *               bits 0..5    argument n is the address of an earlier row's result
 *               bytes 2..7   errnos that may happen; 0xff: any
 *
 * With a descriptor of a PID namespace (else -1) the child is born there: this thread's children are turned there by setns(2), and
 * back again, whose results are written behind. Both stand in machine code because between them no thread can be made, and the
 * runtime makes threads whenever it pleases: it would abort.
 *
 * The child stops at the first row that fails with an errno its control word does not list, and ends with status 127. At the end of the table it ends with status 0; an execve row replaces it.
 */

import { CFunction, dlopen, FFIType, type Pointer, toArrayBuffer } from "bun:ffi";
import { listing as arm64 } from "./_routine_arm64.ts";
import { listing as x86_64 } from "./_routine_x86_64.ts";
import { ARCH, NR } from "./arch.ts";

/** Words of 8 bytes in a row, and where its parts stand. */
export const ROW = { words: 9, number: 0, argument: 1, result: 7, control: 8 } as const;

const PAGE = 4096;
const PROT_READ = 1;
const PROT_WRITE = 2;
const PROT_EXEC = 4;
const MAP_PRIVATE_ANONYMOUS = 0x22;

const WORD = FFIType.i64_fast;
const SYSCALL = { args: [WORD, WORD, WORD, WORD, WORD, WORD, WORD], returns: WORD } as const;

type Word = number | bigint;
export type SyscallEntry = (number: number, a: Word, b: Word, c: Word, d: Word, e: Word, f: Word) => Word;
export type ProgramEntry = (control: number) => Word;

/** Where `program_entry` begins and the code itself, from a listing. @internal */
export function assemble(listing: typeof x86_64): { code: Uint8Array; programAt: number } {
  let hex = "";
  let programAt = 0;
  for (const [bytes, source] of listing) {
    if (source === "program_entry:") programAt = hex.length / 2;
    hex += bytes;
  }
  return { code: Uint8Array.from(Buffer.from(hex, "hex")), programAt };
}

/** Maps the code (writable first, then executable, never both) and wraps its entries. */
export function loadRoutine(): { syscall: SyscallEntry; program: ProgramEntry } {
  const { code, programAt } = assemble(ARCH === "x86_64" ? x86_64 : arm64);
  const libc = dlopen("libc.so.6", { syscall: SYSCALL }).symbols.syscall;
  const page = Number(libc(NR.mmap, 0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0));
  if (page < 0) throw new Error("no page of memory for the system call routine");
  new Uint8Array(toArrayBuffer(page as Pointer, 0, PAGE)).set(code);
  if (Number(libc(NR.mprotect, page, PAGE, PROT_READ | PROT_EXEC, 0, 0, 0)) !== 0) {
    throw new Error("this system forbids executable memory, which the system call routine needs");
  }
  return {
    syscall: CFunction({ ptr: page as Pointer, ...SYSCALL }) as unknown as SyscallEntry,
    program: CFunction({
      ptr: (page + programAt) as Pointer,
      args: [WORD],
      returns: WORD,
    }) as unknown as ProgramEntry,
  };
}
