/**
 * The init of containers that ask for one, for arm64. `init_program.ts` says what it does and makes an executable of it. Each
 * pair is the bytes and the line that GNU as makes them from; a test assembles the listing and compares.
 */
export const listing: readonly (readonly [bytes: string, source: string])[] = [
  ["", "start:"],
  ["e90340f9", "ldr x9, [sp]"], // argc
  ["f4630091", "add x20, sp, 24"], // argv[2]: the program, behind `docker-init` and `--`
  ["f56f298b", "add x21, sp, x9, lsl 3"],
  ["b5420091", "add x21, x21, 16"], // the environment
  ["960240f9", "ldr x22, [x20]"], // the program's name
  ["ff0b40d1", "sub sp, sp, 8192"],
  ["f3030091", "mov x19, sp"], // set of all signals, the set before, siginfo, status at 144, a path at 256
  ["170080d2", "mov x23, 0"],
  ["3f0d00f1", "cmp x9, 3"],
  ["83120054", "b.lo usage"],
  ["00008092", "mov x0, -1"],
  ["600200f9", "str x0, [x19]"],
  ["000080d2", "mov x0, 0"], // SIG_BLOCK
  ["e10313aa", "mov x1, x19"],
  ["62220091", "add x2, x19, 8"],
  ["030180d2", "mov x3, 8"],
  ["e81080d2", "mov x8, 135"], // rt_sigprocmask
  ["010000d4", "svc 0"],
  ["200280d2", "mov x0, 17"], // SIGCHLD
  ["010080d2", "mov x1, 0"],
  ["020080d2", "mov x2, 0"],
  ["030080d2", "mov x3, 0"],
  ["040080d2", "mov x4, 0"],
  ["881b80d2", "mov x8, 220"], // clone
  ["010000d4", "svc 0"],
  ["f70300aa", "mov x23, x0"],
  ["400ef8b7", "tbnz x0, 63, failed"],
  ["400400b4", "cbz x0, child"],
  ["", "wait:"],
  ["e00313aa", "mov x0, x19"],
  ["61420091", "add x1, x19, 16"],
  ["020080d2", "mov x2, 0"],
  ["030180d2", "mov x3, 8"],
  ["281180d2", "mov x8, 137"], // rt_sigtimedwait
  ["010000d4", "svc 0"],
  ["1f0000f1", "cmp x0, 0"],
  ["2dffff54", "b.le wait"], // interrupted
  ["1f4400f1", "cmp x0, 17"], // SIGCHLD
  ["c0000054", "b.eq reap"],
  ["e10300aa", "mov x1, x0"],
  ["e00317aa", "mov x0, x23"],
  ["281080d2", "mov x8, 129"], // kill: hand it on
  ["010000d4", "svc 0"],
  ["f2ffff17", "b wait"],
  ["", "reap:"],
  ["00008092", "mov x0, -1"], // any child
  ["61420291", "add x1, x19, 144"],
  ["220080d2", "mov x2, 1"], // WNOHANG
  ["030080d2", "mov x3, 0"],
  ["882080d2", "mov x8, 260"], // wait4
  ["010000d4", "svc 0"],
  ["1f0000f1", "cmp x0, 0"],
  ["4dfdff54", "b.le wait"], // no more have ended
  ["1f0017eb", "cmp x0, x23"],
  ["e1feff54", "b.ne reap"], // an orphan
  ["699240b9", "ldr w9, [x19, 144]"],
  ["20190072", "ands w0, w9, 127"],
  ["61000054", "b.ne signalled"],
  ["203d0853", "ubfx w0, w9, 8, 8"],
  ["02000014", "b exit"],
  ["", "signalled:"],
  ["00000211", "add w0, w0, 128"],
  ["", "exit:"],
  ["c80b80d2", "mov x8, 94"], // exit_group
  ["010000d4", "svc 0"],
  ["", "child:"],
  ["000080d2", "mov x0, 0"],
  ["010080d2", "mov x1, 0"],
  ["481380d2", "mov x8, 154"], // setpgid
  ["010000d4", "svc 0"],
  ["881580d2", "mov x8, 172"], // getpid
  ["010000d4", "svc 0"],
  ["609200b9", "str w0, [x19, 144]"],
  ["000080d2", "mov x0, 0"],
  ["01828ad2", "mov x1, 0x5410"], // TIOCSPGRP: the terminal's foreground, where there is one
  ["62420291", "add x2, x19, 144"],
  ["a80380d2", "mov x8, 29"], // ioctl
  ["010000d4", "svc 0"],
  ["400080d2", "mov x0, 2"], // SIG_SETMASK
  ["61220091", "add x1, x19, 8"],
  ["020080d2", "mov x2, 0"],
  ["030180d2", "mov x3, 8"],
  ["e81080d2", "mov x8, 135"], // rt_sigprocmask
  ["010000d4", "svc 0"],
  ["e90316aa", "mov x9, x22"],
  ["", "scan:"],
  ["2a154038", "ldrb w10, [x9], 1"],
  ["5fbd0071", "cmp w10, 47"], // a slash: no search
  ["80060054", "b.eq direct"],
  ["aaffff35", "cbnz w10, scan"],
  ["37008092", "mov x23, -2"], // ENOENT, unless there is something worse to tell
  ["f80315aa", "mov x24, x21"],
  ["0c2a8852", "movz w12, 0x4150"],
  ["8c0aa972", "movk w12, 0x4854, lsl 16"], // PATH
  ["", "variable:"],
  ["098740f8", "ldr x9, [x24], 8"],
  ["690600b4", "cbz x9, failed"],
  ["2a0140b9", "ldr w10, [x9]"],
  ["5f010c6b", "cmp w10, w12"],
  ["81ffff54", "b.ne variable"],
  ["2a114039", "ldrb w10, [x9, 4]"],
  ["5ff50071", "cmp w10, 61"], // =
  ["21ffff54", "b.ne variable"],
  ["38150091", "add x24, x9, 5"],
  ["", "entry:"],
  ["6b020491", "add x11, x19, 256"],
  ["6c054091", "add x12, x11, 4096"], // PATH_MAX
  ["ed030baa", "mov x13, x11"],
  ["", "copy:"],
  ["19174038", "ldrb w25, [x24], 1"],
  ["f9000034", "cbz w25, tail"],
  ["3feb0071", "cmp w25, 58"], // a colon
  ["a0000054", "b.eq tail"],
  ["bf010ceb", "cmp x13, x12"],
  ["62ffff54", "b.hs copy"],
  ["b9150038", "strb w25, [x13], 1"],
  ["f9ffff17", "b copy"],
  ["", "tail:"],
  ["bf010039", "strb wzr, [x13]"],
  ["6a014039", "ldrb w10, [x11]"],
  ["5fbd0071", "cmp w10, 47"], // not a directory that stands for the present one
  ["81020054", "b.ne next"],
  ["aa150038", "strb w10, [x13], 1"],
  ["e90316aa", "mov x9, x22"],
  ["", "name:"],
  ["bf010ceb", "cmp x13, x12"],
  ["02020054", "b.hs next"], // too long
  ["2a154038", "ldrb w10, [x9], 1"],
  ["aa150038", "strb w10, [x13], 1"],
  ["8affff35", "cbnz w10, name"],
  ["e0030baa", "mov x0, x11"],
  ["e10314aa", "mov x1, x20"],
  ["e20315aa", "mov x2, x21"],
  ["a81b80d2", "mov x8, 221"], // execve
  ["010000d4", "svc 0"],
  ["1f0800b1", "cmn x0, 2"], // ENOENT
  ["c0000054", "b.eq next"],
  ["1f5000b1", "cmn x0, 20"], // ENOTDIR
  ["80000054", "b.eq next"],
  ["f70300aa", "mov x23, x0"],
  ["1f3400b1", "cmn x0, 13"], // EACCES
  ["41010054", "b.ne failed"],
  ["", "next:"],
  ["3feb0071", "cmp w25, 58"],
  ["a0fbff54", "b.eq entry"],
  ["07000014", "b failed"],
  ["", "direct:"],
  ["e00316aa", "mov x0, x22"],
  ["e10314aa", "mov x1, x20"],
  ["e20315aa", "mov x2, x21"],
  ["a81b80d2", "mov x8, 221"], // execve
  ["010000d4", "svc 0"],
  ["f70300aa", "mov x23, x0"],
  ["", "failed:"],
  ["400080d2", "mov x0, 2"],
  ["e1020010", "adr x1, message"],
  ["820380d2", "mov x2, 28"],
  ["080880d2", "mov x8, 64"], // write
  ["010000d4", "svc 0"],
  ["020080d2", "mov x2, 0"],
  ["", "length:"],
  ["ca6a6238", "ldrb w10, [x22, x2]"],
  ["6a000034", "cbz w10, say"],
  ["42040091", "add x2, x2, 1"],
  ["fdffff17", "b length"],
  ["", "say:"],
  ["400080d2", "mov x0, 2"],
  ["e10316aa", "mov x1, x22"],
  ["010000d4", "svc 0"],
  ["400080d2", "mov x0, 2"],
  ["21020010", "adr x1, newline"],
  ["220080d2", "mov x2, 1"],
  ["010000d4", "svc 0"],
  ["", "usage:"],
  ["e00f80d2", "mov x0, 127"], // there is none
  ["ff0a00b1", "cmn x23, 2"],
  ["80f3ff54", "b.eq exit"],
  ["ff5200b1", "cmn x23, 20"],
  ["40f3ff54", "b.eq exit"],
  ["c00f80d2", "mov x0, 126"], // it cannot be executed
  ["98ffff17", "b exit"],
  ["", "message:"],
  ["646f636b65722d696e69743a2063616e6e6f74206578656375746520", '.ascii "docker-init: cannot execute "'],
  ["", "newline:"],
  ["0a", '.ascii "\\n"'],
];
