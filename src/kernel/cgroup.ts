/**
 * Control groups: making, limiting, entering, counting, freezing and removing them.
 *
 * A group is one path (`/fathom/<id>`) in every hierarchy that has a controller of containers. Only directories of that path are
 * touched, and nothing above it except that v2's controllers are passed down to it (cgroup.subtree_control).
 *
 *     using cgroup = createCgroup("/fathom/4a6f", resources);
 *     const { procs, directory } = cgroup.entrance();  // v1: rows write "0" to each of procs; v2: spawn's `cgroup`
 *     …
 *     await cgroup.remove();
 */

import type { Resources } from "../spec/oci_runtime.ts";
import { FathomError } from "../std/errors.ts";
import { delegateGroup, type Owner } from "./_cgroup_delegate.ts";
import { limitDevices } from "./_cgroup_devices.ts";
import { descendants, makeDirectory, prepare, removeDirectory, removeTree } from "./_cgroup_make.ts";
import { type PlannedGroup, planCgroup } from "./_cgroup_plan.ts";
import { rewrite, writeLimit } from "./_cgroup_write.ts";
import { named } from "./call.ts";
import { type CgroupLayout, parseCgroupLayout } from "./cgroup_layout.ts";
import { type MemoryUse, memoryUse } from "./cgroup_memory.ts";
import { readControlFile, writeControlFile } from "./control_file.ts";
import { closeFd } from "./file.ts";
import { AT, O } from "./flags.ts";
import { mountpoints } from "./mount.ts";
import { statAt } from "./stat.ts";
import { check, perform, sys } from "./syscall.ts";

/** This host's layout, read once. @throws {FathomError} unsupported, without control groups. */
export function cgroupLayout(): CgroupLayout {
  hostLayout ??= parseCgroupLayout(readControlFile("/proc/self/mountinfo") ?? "");
  return hostLayout;
}
let hostLayout: CgroupLayout | undefined;

/**
 * Makes a group with its limits, in this host's layout unless another is given. An empty one that a crash left behind is replaced.
 * @throws {FathomError} conflict, when processes run in a group of that path; unsupported, when the host lacks a controller.
 */
export function createCgroup(path: string, resources: Resources, layout = cgroupLayout()): Cgroup {
  const plan = planCgroup(layout, path, resources);
  using undo = new DisposableStack();
  for (const group of plan) {
    makeDirectory(group);
    undo.defer(() => removeDirectory(group.directory));
    prepare(group, layout.version);
    for (const write of group.writes) writeLimit(group.directory, write);
    if (group.devices.length > 0) limitDevices(group.directory, group.devices);
  }
  undo.move();
  return new Cgroup(path, layout, plan);
}

/** A group that exists in at least one hierarchy; undefined where there is none. */
export function openCgroup(path: string, layout = cgroupLayout()): Cgroup | undefined {
  const plan = planCgroup(layout, path, {});
  const there = plan.filter(({ directory }) => statAt(AT.FDCWD, directory) !== undefined);
  return there.length === 0 ? undefined : new Cgroup(path, layout, there);
}

/**
 * Removes what is left of a group in any hierarchy of this host, those without a controller of containers included: other
 * runtimes make directories in them too (`name=systemd`, and v2 beside v1). One in which processes run stays.
 */
export function removeStrays(path: string): void {
  for (const hierarchy of hierarchies()) {
    const directory = hierarchy + path;
    if (statAt(AT.FDCWD, directory) !== undefined) removeTree(directory);
  }
}

/**
 * Removes a group that stands above others wherever nothing is in it: from every hierarchy of this host, since other runtimes make
 * directories in those without a controller of containers, too.
 */
export function removeEmptyCgroup(path: string): void {
  for (const directory of hierarchies()) removeDirectory(directory + path);
}

function hierarchies(): string[] {
  return mountpoints()
    .filter(({ type }) => type === "cgroup" || type === "cgroup2")
    .map(({ mountPoint }) => mountPoint);
}

/** What a process needs to enter a group. Owned by the Cgroup it came from. */
export interface Entrance {
  /**
   * v1: descriptors of `tasks`, one per hierarchy; a process of one thread enters by writing "0" to each. The kernel then need
   * not stop every fork on the machine, as it does for cgroup.procs: 0.1 ms after a pause instead of 15.
   */
  readonly procs: readonly number[];
  /** v2: the directory, for CLONE_INTO_CGROUP. */
  readonly directory?: number;
}

/** A control group that exists. Disposing closes descriptors; the group stays until `remove`. */
export class Cgroup implements Disposable {
  readonly path: string;
  readonly #layout: CgroupLayout;
  readonly #groups: readonly PlannedGroup[];
  readonly #open = new DisposableStack();
  #entrance: Entrance | undefined;

  /** By createCgroup and openCgroup only. */
  constructor(path: string, layout: CgroupLayout, groups: readonly PlannedGroup[]) {
    this.path = path;
    this.#layout = layout;
    this.#groups = groups;
  }

  /** Its directories, one per hierarchy. */
  get directories(): string[] {
    return this.#groups.map(({ directory }) => directory);
  }

  /** The directory that has a controller's files; undefined where the host lacks it. */
  directoryOf(controller: string): string | undefined {
    return this.#groups.find(
      ({ controllers }) => controllers.length === 0 || controllers.includes(controller),
    )?.directory;
  }

  /** Opens what a process needs to enter; the same descriptors each time, closed with the group. @throws {SyscallError} */
  entrance(): Entrance {
    this.#entrance ??= this.#isUnified ? this.#openDirectory() : { procs: this.#openProcs() };
    return this.#entrance;
  }

  /**
   * What a process needs to go where another one of the group is. In v2 a group that hands controllers to groups below it holds no
   * process itself (cgroup-v2.rst, "No Internal Process Constraint"): a container whose first program is an init system has moved
   * everything into groups that it made, and an exec has its place there, too. Closed with `stack`.
   * @throws {SyscallError}
   */
  entranceOf(pid: number, stack: DisposableStack): Entrance {
    const [directory = ""] = this.directories;
    const handed = this.#isUnified ? readControlFile(`${directory}/cgroup.subtree_control`) : undefined;
    if ((handed ?? "").trim() === "") return this.entrance();
    const place = descendants(directory).find((below) => pidsIn(below).includes(pid));
    if (place === undefined || place === directory) return this.entrance();
    const fd = check(sys("openat", AT.FDCWD, place, O.RDONLY | O.DIRECTORY | O.CLOEXEC), `open ${place}`);
    stack.defer(() => closeFd(fd));
    return { procs: [], directory: fd };
  }

  get #isUnified(): boolean {
    return this.#layout.version === 2;
  }

  #openProcs(): number[] {
    return this.directories.map((directory) => this.#keep(`${directory}/tasks`, O.WRONLY));
  }

  #openDirectory(): Entrance {
    return { procs: [], directory: this.#keep(this.directories[0] ?? "", O.RDONLY | O.DIRECTORY) };
  }

  #keep(path: string, flags: number): number {
    const fd = check(sys("openat", AT.FDCWD, path, flags | O.CLOEXEC), `open ${path}`);
    this.#open.defer(() => closeFd(fd));
    return fd;
  }

  /** Gives it to a user of the host, who may then make groups in it. Nothing in v1, where that would give away its limits. */
  delegate(owner: Owner): void {
    if (this.#isUnified) for (const directory of this.directories) delegateGroup(directory, owner);
  }

  /** Processes in it and in the groups below. */
  pids(): number[] {
    const [directory] = this.directories;
    return directory === undefined ? [] : descendants(directory).flatMap(pidsIn);
  }

  /** Whether the kernel has killed a process of it for want of memory. */
  oomKilled(): boolean {
    return this.oomKills() > 0;
  }

  /** How many processes of it the kernel has killed for want of memory. */
  oomKills(): number {
    const directory = this.directoryOf("memory");
    const file = this.#isUnified ? "memory.events" : "memory.oom_control";
    const events = directory === undefined ? undefined : readControlFile(`${directory}/${file}`);
    return Number(/^oom_kill (\d+)$/m.exec(events ?? "")?.[1] ?? 0);
  }

  /** What its memory had come to; undefined where that is not known. */
  memoryUse(): MemoryUse | undefined {
    const directory = this.directoryOf("memory");
    return directory === undefined ? undefined : memoryUse(directory, this.#isUnified ? 2 : 1);
  }

  /** Sets limits anew; those that are absent stay as they are. Devices are left alone. @throws {FathomError} */
  update({ devices: _, ...resources }: Resources): void {
    for (const { directory, writes } of planCgroup(this.#layout, this.path, resources))
      rewrite(directory, writes);
  }

  /** Stops all its processes where they stand. Resolves when they do. @throws {FathomError} unavailable, after ten seconds. */
  async freeze(): Promise<void> {
    await this.#setFrozen(true);
  }

  /** Lets them go on. */
  async thaw(): Promise<void> {
    await this.#setFrozen(false);
  }

  /** Whether they all stand still, or are about to. */
  frozen(): boolean {
    const directory = this.directoryOf("freezer");
    if (directory === undefined) return false;
    const { file, value } = this.#freezer(true);
    const state = (readControlFile(`${directory}/${file}`) ?? "").trim();
    return state === value || state === "FREEZING";
  }

  #freezer(frozen: boolean): Freezer {
    return this.#isUnified ? unifiedFreezer(frozen) : legacyFreezer(frozen);
  }

  async #setFrozen(frozen: boolean): Promise<void> {
    const directory = this.directoryOf("freezer");
    if (directory === undefined) {
      throw new FathomError("unsupported", "cannot pause: this host has no freezer control group");
    }
    const { file, value, state, line } = this.#freezer(frozen);
    const what = frozen ? "freeze processes" : "thaw processes";
    writeControlFile(`${directory}/${file}`, value, what);
    await until(what, () => (readControlFile(`${directory}/${state}`) ?? line).split("\n").includes(line));
  }

  /** Kills every process in it, also those that fork meanwhile. Resolves when none is left. */
  async kill(): Promise<void> {
    if (this.#isUnified) {
      writeControlFile(`${this.directories[0]}/cgroup.kill`, "1", "kill all processes");
      await until("kill all processes", () => this.pids().length === 0);
      return;
    }
    if (this.directoryOf("freezer") !== undefined) await this.thaw();
    await until("kill all processes", () => {
      const pids = this.pids();
      for (const pid of pids) killProcess(pid);
      return pids.length === 0;
    });
  }

  /**
   * Removes its directories and those below; no error where they are gone. Waits while processes that have ended leave it.
   * @throws {FathomError} unavailable, when processes are still in it after ten seconds.
   */
  async remove(): Promise<void> {
    this.close();
    const left = this.directories.filter((directory) => !removeTree(directory));
    if (left.length === 0) return;
    await until(`remove the control group ${this.path}`, () => left.every(removeTree));
  }

  /** Closes what `entrance` opened; the group stays. */
  close(): void {
    this.#open.dispose();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** What to write where, and the line in which file that says it is reached. */
interface Freezer {
  file: string;
  value: string;
  state: string;
  line: string;
}

function legacyFreezer(frozen: boolean): Freezer {
  const value = frozen ? "FROZEN" : "THAWED";
  return { file: "freezer.state", value, state: "freezer.state", line: value };
}

function unifiedFreezer(frozen: boolean): Freezer {
  const value = frozen ? "1" : "0";
  return { file: "cgroup.freeze", value, state: "cgroup.events", line: `frozen ${value}` };
}

function pidsIn(directory: string): number[] {
  const procs = readControlFile(`${directory}/cgroup.procs`) ?? "";
  return procs.split("\n").filter(Boolean).map(Number);
}

const SIGKILL = 9;

function killProcess(pid: number): void {
  perform({
    call: "kill",
    args: [pid, named(SIGKILL, "SIGKILL")],
    may: ["ESRCH"],
    what: `kill process ${pid}`,
  });
}

const PATIENCE_MS = 10_000;

/** Waits for the kernel, looking more and more seldom. */
async function until(what: string, done: () => boolean): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  for (let pause = 0.5; !done(); pause = Math.min(pause * 2, 100)) {
    if (Date.now() > deadline) throw new FathomError("unavailable", `could not ${what} within ten seconds`);
    await Bun.sleep(pause);
  }
}
