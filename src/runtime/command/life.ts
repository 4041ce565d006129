/** The life of a container by the commands of an OCI runtime: create, start, kill, delete. */

import { writeFile } from "node:fs/promises";
import { resolve } from "node:path/posix";
import { closeFd, giveDescriptor, openCgroup, owned, sendSignal, setNonBlocking } from "../../kernel/mod.ts";
import { FathomError } from "../../std/errors.ts";
import { rfc3339, wallClock } from "../../std/time.ts";
import { configOf, readBundle } from "../bundle.ts";
import { arrival, passSecond } from "../gates.ts";
import { runLastHooks, runLateHooks } from "../hooks.ts";
import { checkThere } from "../init_check.ts";
import { createWaiting, native } from "../native.ts";
import type { Bundle, Running, Started, Stdio } from "../runtime.ts";
import { removeRoot } from "../shared_mounts.ts";
import * as store from "./store.ts";

/** What a process is made with. */
export interface Making {
  pidFile: string | undefined;
  /** Who is to get the master of the terminal. */
  consoleSocket: string | undefined;
  /** How many descriptors from 3 on the program is to have as well. */
  preserved?: number;
}

/** This process's own streams. */
const INHERITED: Stdio = { stdin: 0, stdout: 1, stderr: 2 };
const SIGKILL = 9;

/** Makes a container whose process waits for `start`. Nothing is left when it fails. */
export async function create(
  root: string,
  id: string,
  options: Making & { bundle: string },
): Promise<Running> {
  await using stack = new AsyncDisposableStack();
  const directory = await store.reserve(root, id);
  stack.defer(() => store.release(root, id));
  const bundle = resolve(options.bundle);
  const config = readBundle(bundle);
  checkThere(config);
  const gates = (opened: DisposableStack) => store.makeGates(directory, opened);
  await store.keepConfig(directory, config);
  const running = await createWaiting(
    { id, bundle, copy: directory },
    streamsFor(config.process, options),
    gates,
  );
  stack.defer(() => end(running));
  await handOver(running, options);
  await store.note(root, {
    id,
    bundle,
    pid: running.pid,
    began: store.beganAt(running.pid),
    cgroup: running.cgroup.path,
    created: rfc3339(wallClock()),
  });
  running.cgroup.close();
  stack.move();
  return running;
}

/** Lets its process go on to its program. */
export async function start(root: string, id: string): Promise<void> {
  const noted = await store.noted(root, id);
  if (store.statusOf(root, noted) !== "created")
    throw new FathomError("conflict", "cannot start a container that is not created");
  using opened = new DisposableStack();
  const gates = store.openGates(store.directoryOf(root, id), opened);
  const running = runningOf(root, noted);
  const { container } = running;
  const config = configOf(container);
  await passSecond({ config, container, gates }, running, (process, child, stdio) =>
    native.exec({ ...running, ...child }, process, stdio),
  );
  while (await arrival(gates.arrived));
  await runLateHooks(config, "poststart", { container, status: "running", pid: running.pid });
}

/** @throws {FathomError} conflict, when its process has ended. */
export async function kill(root: string, id: string, { signal, all }: { signal: number; all: boolean }) {
  const noted = await store.noted(root, id);
  if (all && signal === SIGKILL) {
    using cgroup = openCgroup(noted.cgroup);
    await cgroup?.kill();
    return;
  }
  const pidfd = store.processOf(noted);
  if (pidfd === undefined) throw new FathomError("conflict", "container not running");
  using held = owned(pidfd);
  sendSignal(held.fd, signal);
}

/** Removes what is left of one that has ended; with `force` one that has not is ended, and one that is unknown is no error. */
export async function remove(root: string, id: string, { force }: { force: boolean }): Promise<void> {
  const noted = await store.noted(root, id).catch((error) => {
    if (!force) throw error;
    return undefined;
  });
  if (noted === undefined) return;
  const status = store.statusOf(root, noted);
  if (status !== "stopped" && status !== "created" && !force)
    throw new FathomError("conflict", `cannot delete container ${id} that is not stopped: ${status}`);
  const cgroup = openCgroup(noted.cgroup);
  await cgroup?.kill();
  await cgroup?.remove();
  const container = containerOf(root, noted);
  removeRoot(container);
  await runLastHooks(container, noted.pid);
  await store.release(root, id);
}

/** @throws {FathomError} conflict, when it does not run. */
export function runningOf(root: string, noted: store.Noted): Running {
  const pidfd = store.processOf(noted);
  const cgroup = openCgroup(noted.cgroup);
  if (pidfd === undefined || cgroup === undefined)
    throw new FathomError("conflict", `container ${noted.id} is not running`);
  return { pid: noted.pid, pidfd, cgroup, container: containerOf(root, noted) };
}

function containerOf(root: string, { id, bundle }: store.Noted): Bundle {
  return { id, bundle, copy: store.directoryOf(root, id) };
}

export function streamsFor(
  process: { terminal?: boolean; consoleSize?: { height: number; width: number } },
  { consoleSocket, preserved = 0 }: Making,
): Stdio {
  if (process.terminal !== true) return { ...INHERITED, preserved };
  if (consoleSocket === undefined)
    throw new FathomError("invalid", "a terminal is asked for: say with --console-socket who gets it");
  const { height, width } = process.consoleSize ?? {};
  return { preserved, terminal: { ...(width && { columns: width }), ...(height && { rows: height }) } };
}

/** Tells the process's number and gives its terminal to who asked for them. */
export async function handOver({ pid, terminal }: Started, { pidFile, consoleSocket }: Making) {
  if (terminal !== undefined && consoleSocket !== undefined) {
    setNonBlocking(terminal, false);
    giveDescriptor(consoleSocket, terminal);
    closeFd(terminal);
  }
  if (pidFile !== undefined) await writeFile(pidFile, String(pid));
}

async function end({ cgroup }: Running): Promise<void> {
  await cgroup.kill();
  await cgroup.remove();
}
