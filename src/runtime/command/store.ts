/**
 * What the command knows of its containers: ROOT/ID/ with state.json, config.json and the two pipes by which a container's process waits for
 * its start. All else is asked of the kernel: whether the process is still there, and whether it waits.
 */

import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path/posix";
import {
  AT,
  check,
  closeFd,
  ERRNO,
  makeNode,
  O,
  openCgroup,
  openPath,
  owned,
  pidfdOpen,
  readControlFile,
  S,
  sys,
} from "../../kernel/mod.ts";
import type { RuntimeConfig } from "../../spec/oci_runtime.ts";
import { codeOf, ifAbsent } from "../../std/absent.ts";
import { FathomError } from "../../std/errors.ts";
import type { OpenedGates } from "../gates.ts";

/** What is noted of a container. */
export interface Noted {
  id: string;
  bundle: string;
  pid: number;
  /** When the process began, in ticks since boot: numbers of processes come again. */
  began: string;
  cgroup: string;
  /** RFC 3339. */
  created: string;
}

export type Status = "created" | "running" | "paused" | "stopped";

/** An ID is a file's name: runc's rule. */
const ID = /^[\w+.-]+$/;

/** @throws {FathomError} invalid */
export function directoryOf(root: string, id: string): string {
  if (!ID.test(id) || id === "." || id === "..")
    throw new FathomError(
      "invalid",
      `invalid container ID ${JSON.stringify(id)}: letters, digits, _+.- only`,
    );
  return join(root, id);
}

/** Takes an ID. @throws {FathomError} conflict, where it is taken. */
export async function reserve(root: string, id: string): Promise<string> {
  const directory = directoryOf(root, id);
  await mkdir(root, { recursive: true, mode: 0o700 });
  await mkdir(directory, { mode: 0o700 }).catch((error) => {
    if (codeOf(error) === "EEXIST")
      throw new FathomError("conflict", `container with given ID already exists: ${id}`);
    throw error;
  });
  return directory;
}

export async function release(root: string, id: string): Promise<void> {
  await rm(directoryOf(root, id), { recursive: true, force: true });
}

/** Keeps the configuration as it is now: what becomes of the bundle's does not matter to the container any more. */
export async function keepConfig(directory: string, config: RuntimeConfig): Promise<void> {
  await writeFile(join(directory, "config.json"), JSON.stringify(config), { mode: 0o600 });
}

export async function note(root: string, noted: Noted): Promise<void> {
  await writeFile(join(directoryOf(root, noted.id), "state.json"), JSON.stringify(noted), { mode: 0o600 });
}

/** @throws {FathomError} not-found */
export async function noted(root: string, id: string): Promise<Noted> {
  const text = await readFile(join(directoryOf(root, id), "state.json"), "utf8").catch(ifAbsent(""));
  if (text === "") throw new FathomError("not-found", `container does not exist: ${id}`);
  return JSON.parse(text) as Noted;
}

/** All that are noted, by ID. */
export async function allNoted(root: string): Promise<Noted[]> {
  const ids = (await readdir(root).catch(ifAbsent([]))).sort();
  const found = await Promise.all(ids.map((id) => noted(root, id).catch(() => undefined)));
  return found.filter((one) => one !== undefined);
}

/** Field 22 of /proc/PID/stat, proc(5), and the state; undefined where there is no such process. */
function statOf(pid: number): { state: string; began: string } | undefined {
  const text = readControlFile(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0] ?? "", began: fields[19] ?? "" };
}

export function beganAt(pid: number): string {
  return statOf(pid)?.began ?? "";
}

/** A descriptor of its process, which the caller closes; undefined when that has ended. */
export function processOf({ pid, began }: Noted): number | undefined {
  const pidfd = pidfdOpen(pid);
  if (pidfd === undefined) return undefined;
  // Asked behind the opening, which holds the number.
  const stat = statOf(pid);
  if (stat?.began === began && stat.state !== "Z" && stat.state !== "X") return pidfd;
  closeFd(pidfd);
  return undefined;
}

export function statusOf(root: string, one: Noted): Status {
  const pidfd = processOf(one);
  if (pidfd === undefined) return "stopped";
  closeFd(pidfd);
  if (waits(directoryOf(root, one.id))) return "created";
  using cgroup = openCgroup(one.cgroup);
  return cgroup?.frozen() ? "paused" : "running";
}

const [ARRIVED, PASS] = ["arrived", "pass"];

/** A process that waits can read what would let it pass; nobody else opens that for reading. */
function waits(directory: string): boolean {
  const fd = sys("openat", AT.FDCWD, join(directory, PASS), O.WRONLY | O.NONBLOCK | O.CLOEXEC);
  if (fd >= 0) closeFd(fd);
  return fd >= 0;
}

/**
 * Pipes with names in the place of those between a process and who makes it: who starts it may be another. The process holds its own
 * for writing, too, so that it waits on when nobody is there who could let it pass.
 */
export function makeGates(directory: string, stack: DisposableStack): OpenedGates {
  using place = owned(openPath(directory));
  for (const name of [ARRIVED, PASS]) {
    const answer = makeNode({ directory: place.fd, name }, S.IFIFO | 0o600, 0);
    // A process that lost a race is made once more.
    if (answer !== -ERRNO.EEXIST) check(answer, `make the pipe ${name}`);
  }
  const arrived = open(directory, ARRIVED, O.RDONLY | O.NONBLOCK, stack);
  const theirs = {
    arrived: open(directory, ARRIVED, O.WRONLY),
    pass: open(directory, PASS, O.RDWR),
  };
  const ends = new Set(Object.values(theirs));
  const release = (): void => {
    for (const fd of ends) closeFd(fd);
    ends.clear();
  };
  stack.defer(release);
  return { theirs, arrived, pass: open(directory, PASS, O.WRONLY, stack), release };
}

/** The same for who starts it. @throws {FathomError} conflict, when it does not wait. */
export function openGates(directory: string, stack: DisposableStack): OpenedGates {
  const fd = sys("openat", AT.FDCWD, join(directory, PASS), O.WRONLY | O.NONBLOCK | O.CLOEXEC);
  if (fd === -ERRNO.ENXIO) throw new FathomError("conflict", "cannot start a container that is not created");
  const pass = check(fd, "open the pipe to start the container");
  stack.defer(() => closeFd(pass));
  const arrived = open(directory, ARRIVED, O.RDONLY | O.NONBLOCK, stack);
  return { theirs: { arrived: -1, pass: -1 }, arrived, pass, release: () => undefined };
}

function open(directory: string, name: string, how: number, stack?: DisposableStack): number {
  const path = join(directory, name);
  const fd = check(sys("openat", AT.FDCWD, path, how | O.CLOEXEC), `open ${path}`);
  stack?.defer(() => closeFd(fd));
  return fd;
}
