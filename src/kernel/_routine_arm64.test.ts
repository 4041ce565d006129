/** Runs the arm64 machine code, on an emulated processor where this is another. */

import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { assemble } from "./_routine.ts";
import { listing } from "./_routine_arm64.ts";
import { temporaryDirectory } from "./_test_support.ts";

const COMPILER = "aarch64-linux-gnu-gcc";
const EMULATOR = "qemu-aarch64-static";
const missing = [COMPILER, EMULATOR].filter((program) => Bun.which(program) === null);
if (missing.length > 0) {
  console.log(
    `skipped: no ${missing.join(", ")} (Debian: gcc-aarch64-linux-gnu, libc6-dev-arm64-cross, qemu-user-static)`,
  );
}

/** Where a line's code begins, in bytes. */
function offsetOf(line: string): number {
  const index = listing.findIndex(([, source]) => source === line);
  return listing.slice(0, index).reduce((offset, [bytes]) => offset + bytes.length / 2, 0);
}

/**
 * The emulator knows no clone3, so the child is made by fork and enters where clone3 would have returned 0 to it. Prints one line
 * for each thing that was tried: a name and a number.
 */
const HARNESS = `
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
enum { CLOSE = 57, OPENAT = 56, WRITE = 64, CHDIR = 49, GETPID = 172, ENOENT_BYTE = 2, ANY = 255 };
static unsigned char code[] = { CODE };
static long *table;
static int rows;
static void row(long number, long a, long b, long c, long d, long control) {
  long values[9] = { number, a, b, c, d, 0, 0, 12345, control };
  memcpy(table + 9 * rows++, values, sizeof values);
  table[9 * rows] = -1;
}
static int walk(unsigned char *page) {
  long control[7] = { 0, 0, (long)table, -1, -1, 0, 0 };
  int status;
  if (fork() == 0) {
    __asm__ volatile("mov x19, %0\\n mov x0, 0\\n br %1" : : "r"(control), "r"(page + CHILD) : "x0", "x19");
  }
  wait(&status);
  return WEXITSTATUS(status);
}
int main(int argc, char **argv) {
  unsigned char *page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  table = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  memcpy(page, code, sizeof code);
  mprotect(page, 4096, PROT_READ | PROT_EXEC);
  __builtin___clear_cache((char *)page, (char *)page + 4096);
  long (*syscall_entry)(long, long, long, long, long, long, long) = (void *)page;
  long (*program_entry)(long *) = (void *)(page + PROGRAM);
  printf("getpid %d\\n", syscall_entry(GETPID, 0, 0, 0, 0, 0, 0) == getpid());
  printf("close %ld\\n", syscall_entry(CLOSE, 9999, 0, 0, 0, 0, 0));
  long control[7] = { 0, 0, (long)table, -1, -1, 0, 0 };
  printf("program_entry %d\\n", program_entry(control) < 0);
  row(CHDIR, (long)"/nonexistent", 0, 0, 0, (long)ENOENT_BYTE << 16);
  row(CHDIR, (long)"/nonexistent", 0, 0, 0, (long)ENOENT_BYTE << 56);
  row(CHDIR, (long)"/nonexistent", 0, 0, 0, (long)ANY << 16);
  row(OPENAT, AT_FDCWD, (long)argv[1], O_WRONLY | O_CREAT | O_CLOEXEC, 0600, 0);
  row(WRITE, (long)(table + 9 * 3 + 7), (long)"walked", 6, 0, 1);
  printf("walk %d\\n", walk(page));
  printf("allowed %ld\\nwritten %ld\\n", table[9 * 1 + 7], table[9 * 4 + 7]);
  rows = 0;
  row(CHDIR, (long)"/nonexistent", 0, 0, 0, (long)1 << 16);
  row(CHDIR, (long)"/", 0, 0, 0, 0);
  printf("failing %d\\n", walk(page));
  printf("failed %ld\\nnot run %ld\\n", table[7], table[9 + 7]);
}
`;

describe.skipIf(missing.length > 0)("the arm64 machine code", () => {
  test("makes system calls, and walks a table until its end or a failure that is not allowed", () => {
    using directory = temporaryDirectory();
    const { code, programAt } = assemble(listing);
    const defines = [
      `#define CODE ${[...code].join(",")}`,
      `#define PROGRAM ${programAt}`,
      `#define CHILD ${offsetOf("cbnz x0, parent")}`,
    ];
    writeFileSync(`${directory.path}/harness.c`, `${defines.join("\n")}\n${HARNESS}`);
    const program = `${directory.path}/harness`;
    const compiled = Bun.spawnSync([COMPILER, "-static", "-w", "-O1", "-o", program, `${program}.c`]);
    expect(compiled.stderr.toString()).toBe("");
    const run = Bun.spawnSync([EMULATOR, program, `${directory.path}/written`]);
    expect(run.stdout.toString().trim().split("\n")).toEqual([
      "getpid 1",
      "close -9",
      "program_entry 1",
      "walk 0",
      "allowed -2",
      "written 6",
      "failing 127",
      "failed -2",
      "not run 12345",
    ]);
    expect(readFileSync(`${directory.path}/written`, "latin1")).toBe("walked");
  });
});
