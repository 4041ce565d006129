/**
 * What differs between processors: system call numbers.
 *
 * Source: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h (arm64). Only calls that arm64 has too
 * are used, so `openat` and never `open`.
 */

export type Arch = "x86_64" | "arm64";

/** The processor this process runs on. */
export const ARCH: Arch = process.arch === "arm64" ? "arm64" : "x86_64";

/** Name to number: [x86-64, arm64]. Exported for its test. @internal */
export const NUMBERS = {
  read: [0, 63],
  write: [1, 64],
  close: [3, 57],
  lseek: [8, 62],
  mmap: [9, 222],
  mprotect: [10, 226],
  munmap: [11, 215],
  rt_sigaction: [13, 134],
  rt_sigprocmask: [14, 135],
  ioctl: [16, 29],
  pread64: [17, 67],
  pwrite64: [18, 68],
  getpid: [39, 172],
  sendfile: [40, 71],
  socket: [41, 198],
  connect: [42, 203],
  sendto: [44, 206],
  recvfrom: [45, 207],
  accept4: [288, 242],
  sendmsg: [46, 211],
  recvmsg: [47, 212],
  bind: [49, 200],
  listen: [50, 201],
  socketpair: [53, 199],
  execve: [59, 221],
  wait4: [61, 260],
  kill: [62, 129],
  fcntl: [72, 25],
  ftruncate: [77, 46],
  fchdir: [81, 50],
  chdir: [80, 49],
  umask: [95, 166],
  setuid: [105, 146],
  setgid: [106, 144],
  setsid: [112, 157],
  setgroups: [116, 159],
  setresuid: [117, 147],
  setresgid: [119, 149],
  capset: [126, 91],
  fstatfs: [138, 44],
  pivot_root: [155, 41],
  prctl: [157, 167],
  chroot: [161, 51],
  mount: [165, 40],
  umount2: [166, 39],
  sethostname: [170, 161],
  setdomainname: [171, 162],
  lsetxattr: [189, 6],
  fsetxattr: [190, 7],
  lgetxattr: [192, 9],
  llistxattr: [195, 12],
  getdents64: [217, 61],
  exit_group: [231, 94],
  epoll_ctl: [233, 21],
  keyctl: [250, 219],
  openat: [257, 56],
  mkdirat: [258, 34],
  mknodat: [259, 33],
  fchownat: [260, 54],
  unlinkat: [263, 35],
  linkat: [265, 37],
  symlinkat: [266, 36],
  readlinkat: [267, 78],
  fchmodat: [268, 53],
  fchmod: [91, 52],
  fchown: [93, 55],
  unshare: [272, 97],
  utimensat: [280, 88],
  eventfd2: [290, 19],
  epoll_create1: [291, 20],
  dup3: [292, 24],
  pipe2: [293, 59],
  prlimit64: [302, 261],
  setns: [308, 268],
  renameat2: [316, 276],
  seccomp: [317, 277],
  bpf: [321, 280],
  copy_file_range: [326, 285],
  statx: [332, 291],
  pidfd_send_signal: [424, 424],
  open_tree: [428, 428],
  move_mount: [429, 429],
  fsopen: [430, 430],
  fsconfig: [431, 431],
  fsmount: [432, 432],
  pidfd_open: [434, 434],
  clone3: [435, 435],
  close_range: [436, 436],
  openat2: [437, 437],
  mount_setattr: [442, 442],
  quotactl_fd: [443, 443],
} as const satisfies Record<string, readonly [number, number]>;

/** A system call that Fathom knows, by its manual page's name. */
export type SyscallName = keyof typeof NUMBERS;

/** System call numbers of this processor. */
export const NR = Object.fromEntries(
  Object.entries(NUMBERS).map(([name, numbers]) => [name, numbers[ARCH === "x86_64" ? 0 : 1]]),
) as Record<SyscallName, number>;
