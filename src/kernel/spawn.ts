/**
 * Starts a process that runs a program of system calls, and nothing else, until execve replaces it.
 *
 * The child is made by clone3 in machine code and walks the table of `_routine.ts`; no JavaScript runs in it. With `memory:
 * "shared"` it borrows this process's memory and this process stands still until it has called execve or ended (CLONE_VM |
 * CLONE_VFORK), which is the fastest way there is. With `memory: "copied"` it gets a copy, which is required where it enters
 * a PID namespace in which others live: they could otherwise reach this process through it (the class of CVE-2016-9962).
 *
 * Example: a process in new mount and PID namespaces that becomes /bin/true:
 *
 *     using child = spawn([{ call: "execve", args: [text("/bin/true"), texts(["true"]), texts([])] }],
 *       { namespaces: CLONE.NEWNS | CLONE.NEWPID, memory: "shared", by: "container" });
 *     await exited(child.pidfd);
 */

import { type Pointer, toArrayBuffer } from "bun:ffi";
import type { Actor } from "../spec/receipt.ts";
import { type Arena, addressOf, newArena, wordOf } from "./_memory.ts";
import { type PidNamespaces, reportEntered, reportLeft, type Turned } from "./_pid_namespace.ts";
import { ROW } from "./_routine.ts";
import { NR } from "./arch.ts";
import { bytes, type Call, named, nameOf, stepOf } from "./call.ts";
import { readControlFile } from "./control_file.ts";
import { ERRNO, type Errno, SyscallError } from "./errno.ts";
import { CLONE, flagsText, O } from "./flags.ts";
import { now, report } from "./receipt.ts";
import type { Successor } from "./successor.ts";
import { allows, check, entries, sys } from "./syscall.ts";

export interface SpawnOptions {
  /** CLONE_NEW… flags of the namespaces to make; 0 for none. */
  namespaces: number;
  memory: "shared" | "copied";
  /** Who the rows are reported as. */
  by: Actor;
  /** A cgroup v2 directory's descriptor to be born in (CLONE_INTO_CGROUP). */
  cgroup?: number;
  /**
   * Descriptors that the rows use. Where given, all others above 2 are closed before the first row, so that nothing that
   * shares a namespace with the child can reach what else this process has open.
   */
  keep?: readonly number[];
  /** Rows of the program that make another process, which goes on with what stands behind them (successor.ts). */
  successor?: Successor;
  /** Descriptors of a PID namespace to be born in, and of this process's own. */
  pidNamespace?: PidNamespaces;
  /** Come back at once, while the program still works or waits; only with copied memory. */
  meanwhile?: boolean;
}

/** A process that has begun its own program (its execve succeeded) or reached the end of the table. */
export interface Child {
  pid: number;
  /** Non-blocking descriptor of the process; the receiver closes it. */
  pidfd: number;
}

const WORD = 8;
const SIGCHLD = 17n;
const SIG_SETMASK = 2;
const F_SETFL = 4;
const ANY_ERRNO = 255;
/** Stands where a row's result will be: no kernel's answer has this upper half. */
const NOT_RUN = -(2 ** 30);
const CLONE_ARGS = { words: 11, flags: 0, pidfd: 1, exitSignal: 4, cgroup: 10 } as const;

/**
 * Runs `program` in a new process.
 * @throws {SyscallError} naming the row that failed; the process has ended and been reaped.
 */
export function spawn(program: readonly Call[], options: SpawnOptions): Child {
  return beginSpawn(program, options).conclude();
}

/** A process at work on its program. */
export interface Begun {
  /** The process that works, or waits; with a successor that one, once it does. Its descriptor stays this one's. */
  child(): Child;
  /**
   * Reports its rows and gives the process, once that executes its own program, or has ended; to be called in any case.
   * @throws {SyscallError} naming the row that failed; the process has ended and been reaped.
   */
  conclude(): Child;
}

/** The first half of `spawn`: with `meanwhile` the caller can do something that the process waits for. @throws {SyscallError} */
export function beginSpawn(program: readonly Call[], options: SpawnOptions): Begun {
  using stack = new DisposableStack();
  const rows = [...closeOthers(options.keep), ...cleanSignals(), ...program];
  // Behind the rows and their end, where the number of a successor is written.
  const words = ROW.words * rows.length + 2;
  // A successor has a copy of this process's memory, whatever its maker has.
  const apart = options.memory === "copied" || options.successor !== undefined;
  const memory = stack.use(apart ? sharedWords(words) : ownWords(words));
  const { table } = memory;
  const arena = newArena();
  const bornAt = words - 1;
  options.successor?.tell(memory.address + bornAt * WORD);
  encode(rows, memory, arena);
  const at = now();
  const first = run(memory.address, options);
  const ns = Number(now() - at);
  arena.held.length = 0;
  reportEntered(options.pidNamespace, at, first);
  report((by) => stepOf(cloneCall(options), { at, by, result: first.pid, ns }));
  reportLeft(options.pidNamespace, at, first);
  if (first.pid < 0) throw new SyscallError("clone3", -first.pid);
  let born: Child | undefined;
  stack.defer(() => void (born && sys("close", born.pidfd)));
  const kept = stack.move();
  const child = (): Child => {
    if (options.successor === undefined) return first;
    const pid = table[bornAt * HALVES] ?? 0;
    if (pid > 0) born ??= childOf(pid);
    return born ?? first;
  };
  const conclude = (): Child => {
    using _ = kept;
    const last = succeeded(rows, table, { first, successor: options.successor });
    reportRows(rows, table, { at, by: options.by });
    reapIfFailed(rows, table, last);
    sys("fcntl", last.pidfd, F_SETFL, O.NONBLOCK);
    return last;
  };
  return { child, conclude };
}

/**
 * The process that went on, where one was to: the first has ended by then, at a row that is no failure. It is a child of this
 * process, so that its number is its own until it is reaped here.
 */
function succeeded(
  rows: readonly Call[],
  table: Int32Array,
  { first, successor }: { first: Child; successor: Successor | undefined },
): Child {
  if (successor === undefined) return first;
  const pid = resultOf(table, rows.indexOf(successor.birth)) ?? -1;
  if (pid <= 0) return first;
  sys("wait4", first.pid, 0, 0, 0);
  sys("close", first.pidfd);
  const parting = (rows.indexOf(successor.parting) * ROW.words + ROW.result) * HALVES;
  table.fill(0, parting, parting + HALVES);
  return childOf(pid);
}

function childOf(pid: number): Child {
  return { pid, pidfd: check(sys("pidfd_open", pid, 0), `open process ${pid}`) };
}

/** Memory of a table, which the child writes its results to. Each word is two elements, the lower half first. */
interface Words extends Disposable {
  table: Int32Array;
  address: number;
}

function ownWords(words: number): Words {
  const table = new Int32Array(words * HALVES);
  return { table, address: addressOf(table), [Symbol.dispose]: () => undefined };
}

const PROT_READ_WRITE = 3;
const MAP_SHARED_ANONYMOUS = 0x21;

/**
 * Memory that stays shared where all else is copied, so that the child's results are seen here. Only these are read from it
 * afterwards: whoever could write to the child could forge them, but reach nothing else.
 */
function sharedWords(words: number): Words {
  const size = words * WORD;
  const mapped = sys("mmap", 0, size, PROT_READ_WRITE, MAP_SHARED_ANONYMOUS, -1, 0);
  const address = check(mapped, "map memory for a program's table");
  const table = new Int32Array(toArrayBuffer(address as Pointer, 0, size));
  return { table, address, [Symbol.dispose]: () => void sys("munmap", address, size) };
}

const FIRST_CLOSED = 3;
const LAST_DESCRIPTOR = 0xffff_ffff;

/** Rows that close the ranges between the descriptors to keep; close_range(2). */
function closeOthers(keep: readonly number[] | undefined): Call[] {
  if (keep === undefined) return [];
  const kept = [...new Set(keep)].filter((fd) => fd >= FIRST_CLOSED).sort((a, b) => a - b);
  const starts = [FIRST_CLOSED, ...kept.map((fd) => fd + 1)];
  return starts.flatMap((first, index): Call[] => {
    const last = (kept[index] ?? LAST_DESCRIPTOR + 1) - 1;
    if (first > last) return [];
    return [
      {
        call: "close_range",
        args: [first, named(last, last === LAST_DESCRIPTOR ? "~0U" : String(last)), 0],
        what: "close what the program does not use",
      },
    ];
  });
}

/**
 * Rows that give the program default dispositions for signals this process ignores, and an empty mask. Handlers need no row:
 * CLONE_CLEAR_SIGHAND resets them, but it leaves ignored signals ignored (clone(2)), and so does execve(2).
 */
function cleanSignals(): Call[] {
  const rows = ignoredSignals().map((signal): Call => {
    const action = bytes(new Uint8Array(4 * WORD), "SIG_DFL");
    return {
      call: "rt_sigaction",
      args: [signal, action, 0, WORD],
      what: `default action for signal ${signal}`,
    };
  });
  const empty = bytes(new Uint8Array(WORD), "[]");
  return [...rows, { call: "rt_sigprocmask", args: [SIG_SETMASK, empty, 0, WORD], what: "block no signal" }];
}

/** Signals this process ignores, from SigIgn of proc(5); the runtime sets them before any script runs. */
function ignoredSignals(): number[] {
  ignored ??= /^SigIgn:\s*([0-9a-f]+)/m.exec(readControlFile("/proc/self/status") ?? "")?.[1];
  const mask = BigInt(`0x${ignored ?? "0"}`);
  return Array.from({ length: 64 }, (_, index) => index + 1).filter(
    (signal) => ((mask >> BigInt(signal - 1)) & 1n) === 1n,
  );
}
let ignored: string | undefined;

function encode(rows: readonly Call[], { table, address: base }: Words, arena: Arena): void {
  const indexes = new Map<Call, number>();
  const resultAddress = (row: Call): number => {
    const index = indexes.get(row);
    if (index === undefined)
      throw new TypeError(`a row refers to one that does not stand before it: ${nameOf(row)}`);
    return base + (index * ROW.words + ROW.result) * WORD;
  };
  rows.forEach((row, index) => {
    const at = index * ROW.words;
    setWord(table, at + ROW.number, NR[row.call]);
    row.args.forEach((argument, position) => {
      setWord(table, at + ROW.argument + position, wordOf(argument, arena, resultAddress));
    });
    table[(at + ROW.result) * HALVES + 1] = NOT_RUN;
    setControl(table, at + ROW.control, row);
    indexes.set(row, index);
  });
  setWord(table, rows.length * ROW.words, -1);
}

const HALVES = 2;
const HALF = 2 ** 32;

/** Writes a word. An element takes a number modulo 2^32, so only the upper half is computed. */
function setWord(table: Int32Array, index: number, value: number | bigint): void {
  if (typeof value === "bigint") {
    table[index * HALVES] = Number(BigInt.asIntN(32, value));
    table[index * HALVES + 1] = Number(BigInt.asIntN(32, value >> 32n));
    return;
  }
  table[index * HALVES] = value;
  table[index * HALVES + 1] = Math.floor(value / HALF);
}

/** The control word of _routine.ts: bits for arguments, then from its third byte on the errnos that may happen. */
function setControl(table: Int32Array, index: number, row: Call): void {
  let low = 0;
  row.args.forEach((argument, position) => {
    if (typeof argument === "object" && argument.kind === "result") low |= 1 << position;
  });
  const allowed = row.may === "any" ? [ANY_ERRNO] : (row.may ?? NONE).map((name) => ERRNO[name]);
  if (allowed.length > MOST_ERRNOS) throw new RangeError(`more than six allowed errnos: ${nameOf(row)}`);
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = allowed;
  table[index * HALVES] = low | (a << 16) | (b << 24);
  table[index * HALVES + 1] = c | (d << 8) | (e << 16) | (f << 24);
}

const NONE: readonly Errno[] = [];
const MOST_ERRNOS = 6;

/** Makes the process with every signal blocked, so that no handler of this process runs in a child that shares its memory. */
function run(tableAddress: number, options: SpawnOptions): Made {
  const pidfd = new Int32Array([-1]);
  const cloneArgs = new BigUint64Array(CLONE_ARGS.words);
  cloneArgs[CLONE_ARGS.flags] = BigInt(cloneFlags(options));
  cloneArgs[CLONE_ARGS.pidfd] = BigInt(addressOf(pidfd));
  cloneArgs[CLONE_ARGS.exitSignal] = SIGCHLD;
  cloneArgs[CLONE_ARGS.cgroup] = BigInt(options.cgroup ?? 0);
  const control = new BigInt64Array([
    BigInt(addressOf(cloneArgs)),
    BigInt(cloneArgs.byteLength),
    BigInt(tableAddress),
    BigInt(options.pidNamespace?.enter ?? -1),
    BigInt(options.pidNamespace?.own ?? -1),
    0n,
    0n,
  ]);
  const all = new BigUint64Array([2n ** 64n - 1n]);
  const before = new BigUint64Array(1);
  const { program } = entries();
  check(sys("rt_sigprocmask", SIG_SETMASK, all, before, WORD), "block signals");
  const pid = Number(program(addressOf(control)));
  check(sys("rt_sigprocmask", SIG_SETMASK, before, 0, WORD), "unblock signals");
  return { pid, pidfd: pidfd[0] ?? -1, entered: Number(control[ENTERED]), left: Number(control[LEFT]) };
}

/** Places of results in what the routine reads. */
const ENTERED = 5;
const LEFT = 6;

type Made = Child & Turned;

function cloneFlags(options: SpawnOptions): number {
  const memory = options.memory === "shared" ? CLONE.VM : 0;
  const cgroup = options.cgroup === undefined ? 0 : CLONE.INTO_CGROUP;
  const wait = options.meanwhile ? 0 : CLONE.VFORK;
  return wait + CLONE.PIDFD + CLONE.CLEAR_SIGHAND + memory + cgroup + options.namespaces;
}

function cloneCall(options: SpawnOptions): Call {
  const shown = flagsText("CLONE", CLONE, cloneFlags(options));
  return {
    call: "clone3",
    args: [named(0, `{flags=${shown}, exit_signal=SIGCHLD}`)],
    what: "make the first process",
    see: "ls -l /proc/PID/ns",
  };
}

function reportRows(rows: readonly Call[], table: Int32Array, made: { at: bigint; by: Actor }): void {
  for (const [index, row] of rows.entries()) {
    const result = resultOf(table, index);
    const replaced = result === undefined && row.call === "execve";
    if (result === undefined && !replaced) return;
    report(() => stepOf(row, { ...made, result: result ?? 0 }));
    if (replaced) return;
  }
}

/** The result of a row that was made; an execve that succeeded leaves none. */
function resultOf(table: Int32Array, index: number): number | undefined {
  const at = (index * ROW.words + ROW.result) * HALVES;
  const [low = 0, high = NOT_RUN] = [table[at], table[at + 1]];
  return high === NOT_RUN ? undefined : high * HALF + (low >>> 0);
}

function reapIfFailed(rows: readonly Call[], table: Int32Array, child: Child): void {
  const last = rows.findLastIndex((_, index) => resultOf(table, index) !== undefined);
  const row = rows[last];
  const result = row === undefined ? 0 : (resultOf(table, last) ?? 0);
  if (row === undefined || result >= 0 || allows(row.may, -result)) return;
  sys("wait4", child.pid, 0, 0, 0);
  sys("close", child.pidfd);
  throw new SyscallError(nameOf(row), -result);
}
