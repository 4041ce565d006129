/**
 * A program's standard streams: descriptors of the shim's, or a terminal made in the container's own devpts.
 *
 * The terminal belongs to the container from the start; the shim gets only its master, through a socket. It goes out as
 * descriptor 0, which a message laid out beforehand can name, and which is not in use yet.
 */

import {
  type Argument,
  bytes,
  type Call,
  named,
  O,
  RESOLVE,
  result,
  sendDescriptor,
  TTY,
  windowSize,
} from "../../kernel/mod.ts";
import { attachMount, cloneMount } from "./attach.ts";
import type { DescriptorStreams, ProgramStreams, TerminalStreams } from "./context.ts";
import { makeFile, type Opened, openIn } from "./rows.ts";

const FIRST_FREE = 3;
const F = { SETFD: 2, DUPFD_CLOEXEC: 1030 } as const;

/** Rows that make three descriptors of the shim's the program's standard streams. */
export function descriptorRows({ descriptors }: DescriptorStreams): Call[] {
  const rows: Call[] = [];
  // A stream that stands in another's place must step aside before that place is taken.
  const sources = descriptors.map((fd, target): Argument => {
    if (fd >= FIRST_FREE || fd === target) return fd;
    const aside: Call = {
      call: "fcntl",
      args: [fd, named(F.DUPFD_CLOEXEC, "F_DUPFD_CLOEXEC"), FIRST_FREE],
      what: `move descriptor ${fd} aside`,
    };
    rows.push(aside);
    return result(aside, `copy of ${fd}`);
  });
  for (const [target, source] of sources.entries()) {
    rows.push(source === target ? keepRow(target as 0 | 1 | 2) : becomeRow(source, target));
  }
  return rows;
}

const NAMES = ["standard input", "standard output", "standard error"];

function becomeRow(source: Argument, target: number): Call {
  return {
    call: "dup3",
    args: [source, target, 0],
    what: `connect ${NAMES[target]}`,
    see: "ls -l /proc/PID/fd",
  };
}

/** Rows that give the streams to the program's user: /dev/stdout is opened by name, so its owner counts. */
export function ownerRows(streams: ProgramStreams, uid: number): Call[] {
  const owned = "socket" in streams ? [0] : streams.owned;
  return owned.map((fd) => ({
    call: "fchown",
    args: [fd, uid, -1],
    may: ["EINVAL", "EPERM", "EROFS"],
    what: `give ${NAMES[fd]} to the user`,
  }));
}

/** Where the container's devpts is: its mount, or whatever is at /dev/pts of the root. */
export type Devpts = { mount: Argument } | { root: Argument };

/** Rows that make a terminal and hand out its master; `fd` is the slave. */
export function terminalRows(devpts: Devpts, { socket, columns, rows }: TerminalStreams): Opened {
  const master = openMaster(devpts);
  const fd = result(master, "master");
  const unlocked = new Uint8Array(new ArrayBuffer(4));
  const unlock = ioctl(fd, "TIOCSPTLCK", bytes(unlocked, "[0]"), "unlock the terminal");
  const openSlave = ioctl(
    fd,
    "TIOCGPTPEER",
    named(O.RDWR | O.NOCTTY | O.CLOEXEC, "O_RDWR|O_NOCTTY|O_CLOEXEC"),
    "open the terminal",
  );
  const slave = result(openSlave, "terminal");
  const size = columns === undefined || rows === undefined ? [] : [windowSize(slave, columns, rows)];
  const asZero: Call = {
    call: "dup3",
    args: [fd, 0, named(O.CLOEXEC, "O_CLOEXEC")],
    what: "put the terminal's master where the message says",
  };
  const handOver = { ...sendDescriptor(socket, 0), what: "hand the terminal's master to the shim" };
  return { rows: [master, unlock, openSlave, ...size, asZero, handOver], fd: slave };
}

function openMaster(devpts: Devpts): Call {
  const how = {
    flags: O.RDWR | O.NOCTTY,
    resolve: RESOLVE.NO_SYMLINKS,
    what: "open a new terminal's master",
  };
  if ("mount" in devpts) return openIn(devpts.mount, { ...how, path: "ptmx" });
  return openIn(devpts.root, { ...how, path: "/dev/pts/ptmx" });
}

function ioctl(fd: Argument, request: keyof typeof TTY, argument: Argument, what: string): Call {
  return { call: "ioctl", args: [fd, named(TTY[request], request), argument], what };
}

/** Rows that make the terminal the program's three streams and the session's controlling terminal; after setsid. */
export function controllingRows(slave: Argument): Call[] {
  return [controlRow(slave), ...streamRows(slave)];
}

/** Makes a terminal the controlling one of a session that this process has begun. */
export function controlRow(slave: Argument): Call {
  return ioctl(slave, "TIOCSCTTY", 0, "make it the controlling terminal");
}

/** Rows that make a descriptor the program's three streams. */
export function streamRows(fd: Argument): Call[] {
  return [0, 1, 2].map((target) => becomeRow(fd, target));
}

/** Keeps a stream, or another descriptor, open through execve. */
export function keepRow(target: number): Call {
  return {
    call: "fcntl",
    args: [target, named(F.SETFD, "F_SETFD"), 0],
    what: `keep ${NAMES[target] ?? `descriptor ${target}`}`,
  };
}

/**
 * Rows that show the terminal at /dev/console. The place is a file made here, opened without following a link: a link would
 * let an image choose what is covered (CVE-2025-52565).
 */
export function consoleRows(root: Argument, slave: Argument): Call[] {
  const place = makeFile(root, "/dev/console", { resolve: RESOLVE.NO_SYMLINKS });
  const clone = cloneMount({ fd: slave }, { recursive: false, what: "clone the terminal's mount" });
  return [...place.rows, ...clone.rows, attachMount(clone.fd, place.fd, { what: "mount /dev/console" })];
}

/** A session of the program's own, which a controlling terminal needs and signals from other terminals do not reach. */
export const SESSION: Call = {
  call: "setsid",
  args: [],
  what: "begin a session",
  see: "ps -o pid,sid,tty PID",
};
