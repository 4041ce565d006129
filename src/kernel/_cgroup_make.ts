/** Directories of control groups: making them, removing them, and passing down to them what makes them usable. */

import { FathomError } from "../std/errors.ts";
import { controllerOf, type PlannedGroup } from "./_cgroup_plan.ts";
import { named, text } from "./call.ts";
import { readControlFile, writeControlFile } from "./control_file.ts";
import { ERRNO, type Errno, SyscallError } from "./errno.ts";
import { subdirectories } from "./file.ts";
import { AT } from "./flags.ts";
import { statAt } from "./stat.ts";
import { perform } from "./syscall.ts";

/**
 * Makes a planned directory anew and those above it where they are missing.
 * @throws {FathomError} conflict, when processes run in one that is there.
 */
export function makeDirectory({ directory, root }: PlannedGroup): void {
  let answer = mkdir(directory, ["ENOENT", "EEXIST"]);
  // Another engine that stops takes away the parent where it is empty, which may be between the two calls.
  for (let tries = 0; answer === -ERRNO.ENOENT && tries < PARENT_TRIES; tries++) {
    makeParents(directory, root);
    answer = mkdir(directory, ["ENOENT", "EEXIST"]);
  }
  if (answer === 0) return;
  if (!removeTree(directory)) {
    throw new FathomError("conflict", `processes already run in the control group ${directory}`);
  }
  mkdir(directory, []);
}

const PARENT_TRIES = 10;

/** The directories between the root of the hierarchy and the group, which may be there already. */
function makeParents(directory: string, root: string): void {
  for (const parent of ancestors(directory, root).slice(1)) mkdir(parent, ["EEXIST"]);
}

/** The directories from the root of the hierarchy down to the parent of a group. */
function ancestors(directory: string, root: string): string[] {
  const names = directory.slice(root.length).split("/").slice(1, -1);
  return [root, ...names.map((_, index) => `${root}/${names.slice(0, index + 1).join("/")}`)];
}

function mkdir(path: string, may: readonly Errno[]): number {
  return perform({
    call: "mkdirat",
    args: [named(AT.FDCWD, "AT_FDCWD"), text(path), named(0o755, "0755")],
    may,
    what: "make a control group",
    see: `ls ${path}`,
  });
}

/** 0, or -errno: -EBUSY while it holds processes or groups, -ENOENT when it is gone already. */
export function removeDirectory(path: string): number {
  return perform({
    call: "unlinkat",
    args: [named(AT.FDCWD, "AT_FDCWD"), text(path), named(AT.REMOVEDIR, "AT_REMOVEDIR")],
    may: ["EBUSY", "ENOENT"],
    what: "remove a control group",
  });
}

/** A directory and those below it, the deepest last. A directory of cgroupfs has two links more than subdirectories. */
export function descendants(directory: string): string[] {
  if ((statAt(AT.FDCWD, directory)?.nlink ?? 0) <= 2) return [directory];
  return [directory, ...subdirectories(directory).flatMap((name) => descendants(`${directory}/${name}`))];
}

/** Whether a directory and all below it are gone. */
export function removeTree(directory: string): boolean {
  const answer = removeDirectory(directory);
  if (answer !== -ERRNO.EBUSY) return true;
  const below = descendants(directory);
  return below.length > 1 && below.reverse().every((path) => removeDirectory(path) !== -ERRNO.EBUSY);
}

/** Makes a new directory usable: looks whether it is, and only if not mends what stands above it. */
export function prepare(group: PlannedGroup, version: 1 | 2): void {
  if (version === 2) passDownControllers(group);
  else if (group.controllers.includes("cpuset")) passDownCpus(group);
}

/**
 * In v1 a group without CPUs and memory nodes can hold no process. With cgroup.clone_children set in its parent, which is ours,
 * a new group is given its parent's, so only the first one after boot finds it empty.
 */
function passDownCpus({ root, directory }: PlannedGroup): void {
  const chain = [...ancestors(directory, root), directory];
  const isEmpty = (at: string): boolean => (readControlFile(`${at}/cpuset.cpus`) ?? "").trim() === "";
  if (!isEmpty(directory)) return;
  for (const [index, child] of chain.slice(1).entries()) {
    const parent = chain[index] ?? root;
    if (isEmpty(child)) {
      for (const file of ["cpuset.cpus", "cpuset.mems"]) copyControlFile(parent, child, file);
    }
    if (child !== directory) writeControlFile(`${child}/cgroup.clone_children`, "1", "pass CPUs down");
  }
}

function copyControlFile(from: string, to: string, file: string): void {
  const value = (readControlFile(`${from}/${file}`) ?? "").trim();
  writeControlFile(`${to}/${file}`, value, `inherit ${file}`);
}

/** What containers are given of v2, for limits or just to be measured. */
const UNIFIED_CONTROLLERS = ["cpuset", "cpu", "io", "memory", "pids"];

/** In v2 a group has the controllers that each group above it passes down. */
function passDownControllers({ root, directory, writes }: PlannedGroup): void {
  const present = controllersOf(root);
  const named = new Set([...UNIFIED_CONTROLLERS, ...writes.map(controllerOf)]);
  const wanted = [...named].filter((controller) => present.has(controller));
  const lacking = writes.find((write) => !present.has(controllerOf(write)));
  if (lacking !== undefined) {
    throw new FathomError(
      "unsupported",
      `cannot ${lacking.what}: this host has no ${controllerOf(lacking)} control group`,
    );
  }
  const passed = controllersOf(directory);
  const missing = wanted.filter((controller) => !passed.has(controller));
  if (missing.length === 0) return;
  const value = missing.map((controller) => `+${controller}`).join(" ");
  for (const parent of ancestors(directory, root)) passDown(parent, value);
}

/** EBUSY: cgroup-v2.rst, "No Internal Process Constraint". */
function passDown(parent: string, value: string): void {
  try {
    writeControlFile(`${parent}/cgroup.subtree_control`, value, "pass controllers down");
  } catch (cause) {
    if (!(cause instanceof SyscallError) || cause.errno !== ERRNO.EBUSY) throw cause;
    const sentence = `processes run in the control group ${parent} itself, so no limited group can be below it: choose another --cgroup-parent, or move them into a group of their own`;
    throw new FathomError("conflict", sentence, { cause });
  }
}

function controllersOf(directory: string): ReadonlySet<string> {
  return new Set((readControlFile(`${directory}/cgroup.controllers`) ?? "").trim().split(" "));
}
