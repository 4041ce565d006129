/**
 * The routines of machine code that are the engine's only way into the kernel, for arm64.
 *
 * Two entries stand behind each other. `syscall_entry` makes one system call and gives the kernel's own answer (-errno on
 * failure, so no C library's errno can be overwritten in between). `program_entry` makes a new process that walks a table of
 * system calls; `_routine.ts` describes the memory it reads. Each pair is the bytes and the line that GNU as makes them from;
 * a test assembles the listing and compares.
 */
export const listing: readonly (readonly [bytes: string, source: string])[] = [
  ["", "syscall_entry:"], // long (long number, long a, b, c, d, e, f), AAPCS64
  ["e80300aa", "mov x8, x0"],
  ["e00301aa", "mov x0, x1"],
  ["e10302aa", "mov x1, x2"],
  ["e20303aa", "mov x2, x3"],
  ["e30304aa", "mov x3, x4"],
  ["e40305aa", "mov x4, x5"],
  ["e50306aa", "mov x5, x6"],
  ["010000d4", "svc 0"],
  ["c0035fd6", "ret"],
  ["", "program_entry:"], // long (struct control *), see _routine.ts
  ["f353bea9", "stp x19, x20, [sp, -32]!"],
  ["f50b00f9", "str x21, [sp, 16]"],
  ["f30300aa", "mov x19, x0"],
  ["601a40b9", "ldr w0, [x19, 24]"], // PID namespace to be born in, or -1
  ["c000f837", "tbnz w0, 31, make"],
  ["0100a452", "mov w1, 0x20000000"], // CLONE_NEWPID
  ["882180d2", "mov x8, 268"], // setns
  ["010000d4", "svc 0"],
  ["601600f9", "str x0, [x19, 40]"],
  ["600600b5", "cbnz x0, return"],
  ["", "make:"],
  ["600640a9", "ldp x0, x1, [x19]"], // clone_args, their size
  ["683680d2", "mov x8, 435"], // clone3
  ["010000d4", "svc 0"],
  ["e00400b5", "cbnz x0, parent"],
  ["740a40f9", "ldr x20, [x19, 16]"], // the child: first row
  ["", "row:"],
  ["880240f9", "ldr x8, [x20]"],
  ["2804f8b7", "tbnz x8, 63, end"], // a negative number ends the table
  ["952240f9", "ldr x21, [x20, 64]"], // control word
  ["808640a9", "ldp x0, x1, [x20, 8]"],
  ["828e41a9", "ldp x2, x3, [x20, 24]"],
  ["849642a9", "ldp x4, x5, [x20, 40]"],
  ["55000036", "tbz x21, 0, arg1"], // bit n: argument n is the address of an earlier result
  ["000040f9", "ldr x0, [x0]"],
  ["", "arg1:"],
  ["55000836", "tbz x21, 1, arg2"],
  ["210040f9", "ldr x1, [x1]"],
  ["", "arg2:"],
  ["55001036", "tbz x21, 2, arg3"],
  ["420040f9", "ldr x2, [x2]"],
  ["", "arg3:"],
  ["55001836", "tbz x21, 3, arg4"],
  ["630040f9", "ldr x3, [x3]"],
  ["", "arg4:"],
  ["55002036", "tbz x21, 4, arg5"],
  ["840040f9", "ldr x4, [x4]"],
  ["", "arg5:"],
  ["55002836", "tbz x21, 5, call"],
  ["a50040f9", "ldr x5, [x5]"],
  ["", "call:"],
  ["010000d4", "svc 0"],
  ["801e00f9", "str x0, [x20, 56]"],
  ["94220191", "add x20, x20, 72"],
  ["1ffc3fb1", "cmn x0, 4095"], // unsigned: below means no errno
  ["43fdff54", "b.lo row"],
  ["e003004b", "neg w0, w0"],
  ["b5fe50d3", "lsr x21, x21, 16"], // six bytes of errnos that may happen
  ["", "allowed:"],
  ["a11e0012", "and w1, w21, 255"],
  ["3f00006b", "cmp w1, w0"],
  ["a0fcff54", "b.eq row"],
  ["3ffc0371", "cmp w1, 255"], // 255: any
  ["60fcff54", "b.eq row"],
  ["b5fe48d3", "lsr x21, x21, 8"],
  ["55ffffb5", "cbnz x21, allowed"],
  ["e00f80d2", "mov x0, 127"],
  ["02000014", "b exit"],
  ["", "end:"],
  ["000080d2", "mov x0, 0"],
  ["", "exit:"],
  ["c80b80d2", "mov x8, 94"], // exit_group
  ["010000d4", "svc 0"],
  ["", "parent:"],
  ["f40300aa", "mov x20, x0"],
  ["602240b9", "ldr w0, [x19, 32]"], // the own one, or -1
  ["a000f837", "tbnz w0, 31, back"],
  ["0100a452", "mov w1, 0x20000000"], // CLONE_NEWPID
  ["882180d2", "mov x8, 268"], // setns
  ["010000d4", "svc 0"],
  ["601a00f9", "str x0, [x19, 48]"],
  ["", "back:"],
  ["e00314aa", "mov x0, x20"],
  ["", "return:"],
  ["f50b40f9", "ldr x21, [sp, 16]"],
  ["f353c2a8", "ldp x19, x20, [sp], 32"],
  ["c0035fd6", "ret"],
];
