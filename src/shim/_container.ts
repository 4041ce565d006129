/**
 * The container of a shim: its start, its execs, its end.
 *
 * The order at the end is what a daemon relies on: all output is in the log, then the exit record is on disk, then the notice
 * goes out, then the attachments end.
 */

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Cgroup, cgroupLayout, openCgroup } from "../kernel/cgroup.ts";
import { closeFd } from "../kernel/file.ts";
import { type Ending, exited, reap, sendSignal } from "../kernel/process.ts";
import { LogFile, type OutputStream } from "../logs/writer.ts";
import type { Running, Runtime, Started, Stdio } from "../runtime/runtime.ts";
import { FathomError } from "../std/errors.ts";
import { rfc3339, wallClock } from "../std/time.ts";
import type { Attachment } from "./_attachment.ts";
import { flushReceipts, noteTrouble, recordPhase, writeExitRecord } from "./_files.ts";
import { childless, reapOrphans } from "./_orphans.ts";
import { Program, type Streams } from "./_program.ts";
import { makePipes, type OwnEnds, terminalEnds } from "./_stdio.ts";
import type { ExecLaunch, ExitRecord, Launch, LogTarget, Notice, Target } from "./protocol.ts";

export interface Launched {
  pid: number;
  startedAt: string;
}

/** A program and, while it runs, its process. */
interface Entry {
  program: Program;
  process?: { pid: number; pidfd: number } | undefined;
  /** Settles when an exec has ended and its attachments are served. */
  served?: Promise<void>;
}

/** How many execs are remembered that have ended. */
const MOST_ENDED = 1000;

interface RunningContainer extends Launched {
  launch: Launch;
  running: Running;
  log: LogFile | undefined;
}

/** A container that runs, for another image of this process to go on with; descriptors by their numbers. */
export interface ContainerHandover extends Launched {
  launch: Launch;
  pidfd: number;
  /** Path of the control group. */
  cgroup: string;
  streams: Streams;
  /** The lines that are begun, in base64. */
  unfinished: Record<OutputStream, string>;
  /** Execs that have ended: ID and exit code. */
  ended: [string, number][];
}

/** Gives a runtime by its name. @throws {FathomError} unsupported, when there is none. */
export type Runtimes = (name: string) => Promise<Runtime>;

export class Container {
  readonly #own: Entry = { program: new Program() };
  /** Execs that run, and those that somebody attaches to before they do. */
  readonly #execs = new Map<string, Entry>();
  /** Exit codes of the others, oldest first. */
  readonly #ended = new Map<string, number>();
  /** Programs that have ended and whose streams others still hold. */
  readonly #held = new Set<Program>();
  /** Execs that are being started. */
  readonly #arriving = new Set<Promise<unknown>>();
  readonly #runtimes: Runtimes;
  readonly #notify: (notice: Notice) => void;
  readonly #over = Promise.withResolvers<void>();
  #launching: Promise<Launched> | undefined;
  #container: RunningContainer | undefined;
  #exit: ExitRecord | undefined;
  /** Work under way that may start processes. */
  #starting = 0;

  /** `notify` is told of every end. */
  constructor(runtimes: Runtimes, notify: (notice: Notice) => void) {
    this.#runtimes = runtimes;
    this.#notify = notify;
  }

  /** Whether no container was ever asked for. */
  get idle(): boolean {
    return this.#launching === undefined;
  }

  /** Resolves when a container has ended and everybody was served. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /**
   * No daemon is there any more. Resolves when this process is not needed either: at once where there is no container and none
   * is being started.
   */
  async abandon(): Promise<void> {
    this.#own.program.abandon();
    await this.#launching?.catch(() => undefined);
    if (this.#container !== undefined) await this.over;
  }

  /**
   * Resolves when everybody was served and nothing of the container is left in this process.
   * @throws {FathomError} conflict, while it has not ended; unavailable, when something that it left behind is still there.
   */
  async leave(): Promise<void> {
    if (this.#exit === undefined)
      throw new FathomError("conflict", "the container of this shim has not ended");
    await this.over;
    const held = [...this.#held].some(({ open }) => open);
    if (held || !childless())
      throw new FathomError(
        "unavailable",
        "something that the container has left behind holds on to its shim",
      );
  }

  /** How much of its output has come; for whoever wants to know whether it is quiet. */
  get written(): number {
    return this.#own.program.written;
  }

  /** What it takes to go on with it elsewhere; undefined while it does not run, or anything else is under way. */
  get handover(): ContainerHandover | undefined {
    const streams = this.#own.program.handover;
    const busy = this.#execs.size + this.#arriving.size + this.#starting > 0;
    const held = [...this.#held].some(({ open }) => open);
    if (this.#container === undefined || this.#own.process === undefined) return undefined;
    if (streams === undefined || busy || held) return undefined;
    const { launch, running, pid, startedAt, log } = this.#container;
    const unfinished = (stream: OutputStream) =>
      Buffer.from(log?.unfinished(stream) ?? []).toString("base64");
    return {
      launch,
      pid,
      pidfd: running.pidfd,
      startedAt,
      cgroup: running.cgroup.path,
      streams,
      unfinished: { stdout: unfinished("stdout"), stderr: unfinished("stderr") },
      ended: [...this.#ended],
    };
  }

  /** Goes on with a container that an earlier image of this process has started. */
  resume({ launch, pid, pidfd, startedAt, ...rest }: ContainerHandover): void {
    const cgroup = openCgroup(rest.cgroup) ?? new Cgroup(rest.cgroup, cgroupLayout(), []);
    const log = openLog(launch.log, dirname(launch.exitFile));
    for (const stream of ["stdout", "stderr"] as const)
      log?.write(stream, Buffer.from(rest.unfinished[stream], "base64"));
    for (const [id, exitCode] of rest.ended) this.#ended.set(id, exitCode);
    const container = { launch, running: { container: launch, pid, pidfd, cgroup }, log, pid, startedAt };
    this.#launching = Promise.resolve({ pid, startedAt });
    this.#own.program.start({ ...rest.streams, log });
    this.#run(container);
  }

  #run(container: RunningContainer): void {
    this.#container = container;
    this.#own.process = container.running;
    void this.#watch(container);
  }

  /** What a daemon that connects now has to know, in order. */
  notices(turn: number): Notice[] {
    const execs = [...this.#execs].flatMap(([id, { process }]) =>
      process === undefined ? [] : [{ id, pid: process.pid }],
    );
    const ends = [...this.#ended].map(([id, exitCode]): Notice => ({ type: "exec-exit", id, exitCode }));
    const state: Notice = { type: "state", shim: process.pid, turn, execs };
    if (this.#container !== undefined) {
      const { launch, pid, startedAt } = this.#container;
      state.launched = { id: launch.id, pid, startedAt };
    }
    if (this.#exit !== undefined) state.exit = this.#exit;
    return [state, ...ends];
  }

  /** Attaches to a program; an exec that is not known yet is expected to come. */
  attach(attachment: Attachment, target: Target): void {
    this.#entry(target).program.attach(attachment);
  }

  /** Starts the container, once. @throws {RuntimeError | FathomError} and leaves nothing. */
  launch(launch: Launch): Promise<Launched> {
    if (this.#launching !== undefined)
      throw new FathomError("conflict", "this shim has been given a container already");
    this.#launching = this.#launch(launch);
    return this.#launching;
  }

  /** Starts another program in the container. @throws {RuntimeError | FathomError} */
  async exec(exec: ExecLaunch): Promise<Launched> {
    const arriving = this.#exec(exec);
    this.#arriving.add(arriving);
    try {
      return await arriving;
    } finally {
      this.#arriving.delete(arriving);
    }
  }

  async #exec(exec: ExecLaunch): Promise<Launched> {
    if (this.#ended.has(exec.id) || this.#execs.get(exec.id)?.process !== undefined)
      throw new FathomError("conflict", `exec ${exec.id} has been started already`);
    const entry = this.#entry({ exec: exec.id });
    try {
      await entry.program.attached(exec.attachments);
      return await this.#startExec(exec, entry);
    } catch (error) {
      this.#execs.delete(exec.id);
      void entry.program.release();
      throw error;
    }
  }

  /** Sends a signal to a program. @throws {FathomError} conflict, when it does not run (any more). */
  signal(signal: number, target: Target): void {
    const process = this.#known(target)?.process;
    if (process === undefined || !sendSignal(process.pidfd, signal))
      throw new FathomError("conflict", "cannot send a signal: the program is not running");
  }

  /** Tells a program's terminal its size. @throws {FathomError} conflict, when it does not run on one. */
  resize(size: { columns: number; rows: number }, target: Target): void {
    const program = this.#known(target)?.program;
    if (program === undefined) throw new FathomError("conflict", "cannot resize: the program is not running");
    program.resize(size);
  }

  /** A child of this process has ended. */
  reapOrphans(): void {
    if (this.#starting > 0) return;
    const entries = [this.#own, ...this.#execs.values()];
    reapOrphans(new Set(entries.flatMap(({ process }) => (process === undefined ? [] : [process.pid]))));
  }

  #known(target: Target): Entry | undefined {
    return target.exec === undefined ? this.#own : this.#execs.get(target.exec);
  }

  #entry(target: Target): Entry {
    const known = this.#known(target);
    if (known !== undefined || target.exec === undefined) return known ?? this.#own;
    const entry: Entry = { program: new Program() };
    if (this.#exit !== undefined || this.#ended.has(target.exec)) void entry.program.end();
    else this.#execs.set(target.exec, entry);
    return entry;
  }

  async #launch(launch: Launch): Promise<Launched> {
    const { program } = this.#own;
    try {
      await program.attached(launch.attachments);
      const container = await this.#started(launch);
      this.#run(container);
      return { pid: container.pid, startedAt: container.startedAt };
    } catch (error) {
      void program.release();
      throw error;
    }
  }

  async #startExec(exec: ExecLaunch, entry: Entry): Promise<Launched> {
    const container = this.#container;
    if (container === undefined || this.#exit !== undefined)
      throw new FathomError("conflict", "the container is not running");
    const { launch, running } = container;
    const runtime = await this.#runtimes(launch.runtime);
    const terminal = exec.process.terminal === true;
    const { started, ends } = await recordPhase(launch.receiptFile, () =>
      this.#withStdio({ ...exec, terminal }, (stdio) => runtime.exec(running, exec.process, stdio)),
    );
    const startedAt = rfc3339(wallClock());
    entry.process = started;
    entry.program.start({ ends, terminal, stdinOnce: true });
    entry.served = this.#watchExec(exec.id, entry, started);
    return { pid: started.pid, startedAt };
  }

  async #started(launch: Launch): Promise<RunningContainer> {
    const terminal = hasTerminal(launch.bundle);
    const runtime = await this.#runtimes(launch.runtime);
    using undo = new DisposableStack();
    const log = openLog(launch.log, dirname(launch.exitFile));
    if (log !== undefined) undo.use(log);
    const { started: running, ends } = await recordPhase(launch.receiptFile, () =>
      this.#withStdio({ ...launch, terminal }, (stdio) => runtime.run(launch, stdio)),
    );
    const startedAt = rfc3339(wallClock());
    undo.move();
    this.#own.program.start({ ends, terminal, stdinOnce: launch.stdinOnce, log });
    return { launch, running, log, pid: running.pid, startedAt };
  }

  /** Starts something with streams of its own; on success the shim's ends stay open. */
  async #withStdio<T extends Started>(
    {
      terminal,
      openStdin,
      size,
    }: { terminal: boolean; openStdin: boolean; size?: { columns: number; rows: number } },
    start: (stdio: Stdio) => Promise<T>,
  ): Promise<{ started: T; ends: OwnEnds }> {
    this.#starting += 1;
    try {
      if (terminal) {
        const started = await start({ terminal: { ...size } });
        if (started.terminal === undefined) throw new FathomError("internal", "the runtime gave no terminal");
        return { started, ends: terminalEnds(started.terminal, openStdin) };
      }
      using pipes = makePipes(openStdin);
      const started = await start(pipes.program);
      return { started, ends: pipes.keep() };
    } finally {
      this.#starting -= 1;
    }
  }

  async #watch(container: RunningContainer): Promise<void> {
    const { launch, running, log } = container;
    const exitCode = await codeOf(running);
    const exit: ExitRecord = {
      exitCode,
      oomKilled: running.cgroup.oomKilled(),
      startedAt: container.startedAt,
      finishedAt: rfc3339(wallClock()),
    };
    this.#own.process = undefined;
    await this.#attempt(async () => {
      const runtime = await this.#runtimes(launch.runtime);
      await recordPhase(launch.receiptFile, () => runtime.remove(running));
    });
    await this.#attempt(() => this.#own.program.end());
    await this.#attempt(() => log?.[Symbol.dispose]());
    await this.#attempt(flushReceipts);
    await this.#attempt(() => writeExitRecord(launch.exitFile, exit, launch));
    this.#exit = exit;
    this.#notify({ type: "exit", exit });
    this.#hold(this.#own.program);
    await this.#own.program.release();
    for (const { program } of this.#execs.values()) program.abandon();
    await Promise.allSettled(this.#arriving);
    await Promise.all([...this.#execs.values()].map(({ served, program }) => served ?? program.release()));
    this.#over.resolve();
  }

  async #watchExec(id: string, entry: Entry, started: Started): Promise<void> {
    const exitCode = await codeOf(started);
    entry.process = undefined;
    await this.#attempt(() => entry.program.end());
    this.#execs.delete(id);
    this.#ended.set(id, exitCode);
    const [oldest] = this.#ended.keys();
    if (this.#ended.size > MOST_ENDED && oldest !== undefined) this.#ended.delete(oldest);
    this.#notify({ type: "exec-exit", id, exitCode });
    this.#hold(entry.program);
    await entry.program.release();
  }

  /** Remembers an ended program for as long as others may hold its streams. */
  #hold(program: Program): void {
    for (const held of this.#held) if (!held.open) this.#held.delete(held);
    if (program.open) this.#held.add(program);
  }

  /** At the end one failure must not keep the rest from being done. */
  async #attempt(work: () => Promise<void> | void): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.trouble(error);
    }
  }

  /** Notes what went wrong where nobody waits for an answer. */
  trouble(error: unknown): void {
    if (this.#container !== undefined) noteTrouble(dirname(this.#container.launch.exitFile), error);
  }
}

/** Waits for a process and takes its status: its own, or 128 + the signal that ended it. */
async function codeOf({ pid, pidfd }: Started): Promise<number> {
  await exited(pidfd);
  const ending = reap(pid);
  closeFd(pidfd);
  return ending === undefined ? UNKNOWN_STATUS : statusOf(ending);
}

/** Docker's status for a process whose end nobody saw. */
const UNKNOWN_STATUS = 255;

function statusOf(ending: Ending): number {
  return "signal" in ending ? 128 + ending.signal : ending.exitCode;
}

function hasTerminal(bundle: string): boolean {
  const config: { process?: { terminal?: boolean } } = JSON.parse(
    readFileSync(join(bundle, "config.json"), "utf8"),
  );
  return config.process?.terminal === true;
}

function openLog(target: LogTarget, directory: string): LogFile | undefined {
  switch (target.driver) {
    case "none":
      return undefined;
    case "json-file":
      return new LogFile({
        ...target,
        onLoss: (error, bytes) => {
          noteTrouble(directory, `log: ${error.message}; ${bytes} bytes of log were lost`);
        },
      });
  }
}
