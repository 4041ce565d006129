/**
 * The container of a shim: its start, its execs, its end.
 *
 * The order at the end is what a daemon relies on: all output is in the log, then the exit record is on disk, then the notice
 * goes out, then the attachments end.
 */

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Resolver } from "../dns/mod.ts";
import { Cgroup, cgroupLayout, openCgroup } from "../kernel/cgroup.ts";
import { sendSignal } from "../kernel/process.ts";
import type { OutputStream } from "../logs/writer.ts";
import type { Running, Runtime, Started, Stdio } from "../runtime/runtime.ts";
import { FathomError } from "../std/errors.ts";
import { rfc3339, wallClock } from "../std/time.ts";
import type { Attachment } from "./_attachment.ts";
import { type Entry, endOf, type Launched } from "./_entry.ts";
import { Execs } from "./_execs.ts";
import { flushReceipts, noteTrouble, recordPhase, reserveExitRecord, writeExitRecord } from "./_files.ts";
import { openLog, type ProgramLog, reopenLog } from "./_log.ts";
import type { NamesHandover, Resolving } from "./_names.ts";
import { childless, reapOrphans } from "./_orphans.ts";
import { Program, type Streams } from "./_program.ts";
import { type Wanted, type WithEnds, withStdio } from "./_stdio.ts";
import {
  type ExecLaunch,
  type ExitRecord,
  type Launch,
  type Names,
  type Notice,
  PROTOCOL,
  type Request,
  type Target,
} from "./protocol.ts";

interface RunningContainer extends Launched {
  launch: Launch;
  running: Running;
  log: ProgramLog | undefined;
  names: Resolving | undefined;
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
  names?: NamesHandover;
}

/** Gives a runtime by its name. @throws {FathomError} unsupported, when there is none. */
export type Runtimes = (name: string) => Promise<Runtime>;

export class Container {
  readonly #own: Entry = { program: new Program() };
  readonly #execs: Execs;
  readonly #runtimes: Runtimes;
  readonly #notify: (notice: Notice) => void;
  readonly #over = Promise.withResolvers<void>();
  #launching: Promise<Launched> | undefined;
  #container: RunningContainer | undefined;
  #exit: ExitRecord | undefined;
  /** The container is removed once it has ended. */
  #disposed = false;
  /** Work under way that may start processes. */
  #starting = 0;

  /** `notify` is told of every end, `rest` when nothing is expected for some time. */
  constructor(runtimes: Runtimes, notify: (notice: Notice) => void, rest: () => void = () => undefined) {
    this.#runtimes = runtimes;
    this.#notify = notify;
    this.#execs = new Execs({
      start: (exec) => this.#startExec(exec),
      notify,
      rest,
      attempt: (work) => this.#attempt(work),
    });
  }

  /** Whether no container was ever asked for. */
  get idle(): boolean {
    return this.#launching === undefined;
  }

  /** Resolves when a container has ended and everybody was served. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /** Resolves when no launch is under way: what a new daemon is told then stays true. */
  async settled(): Promise<void> {
    await this.#launching?.catch(() => undefined);
  }

  /**
   * No daemon is there any more. Resolves when this process is not needed either: at once where there is no container and none
   * is being started.
   */
  async abandon(): Promise<void> {
    this.#own.program.abandon();
    await this.settled();
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
    if (this.#own.program.open || this.#execs.holding || !childless())
      throw new FathomError(
        "unavailable",
        "something that the container has left behind holds on to its shim",
      );
  }

  /** How much has come of its output and its questions; for whoever wants to know whether it is quiet. */
  get activity(): number {
    return this.#own.program.written + (this.#container?.names?.served ?? 0);
  }

  /** What it takes to go on with it elsewhere; undefined while it does not run, or anything else is under way. */
  get handover(): ContainerHandover | undefined {
    const streams = this.#own.program.handover;
    if (this.#container === undefined || this.#own.process === undefined) return undefined;
    if (streams === undefined || this.#execs.busy || this.#starting > 0) return undefined;
    const { launch, running, pid, startedAt, log, names } = this.#container;
    if (names?.busy) return undefined;
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
      ended: this.#execs.ended,
      ...(names && { names: names.handover }),
    };
  }

  /** Goes on with a container that an earlier image of this process has started. */
  async resume(
    { launch, pid, pidfd, startedAt, ...rest }: ContainerHandover,
    resolver: Resolver | undefined,
  ): Promise<void> {
    const cgroup = openCgroup(rest.cgroup) ?? new Cgroup(rest.cgroup, cgroupLayout(), []);
    const log = await reopenLog(launch.log, dirname(launch.exitFile));
    for (const stream of ["stdout", "stderr"] as const)
      void log?.write(stream, Buffer.from(rest.unfinished[stream], "base64"));
    for (const [id, exitCode] of rest.ended) this.#execs.remember(id, exitCode);
    const names = rest.names && (await import("./_names.ts")).resume(rest.names, resolver);
    const container = {
      launch,
      running: { container: launch, pid, pidfd, cgroup },
      log,
      names,
      pid,
      startedAt,
    };
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
    const ends = this.#execs.ended.map(([id, exitCode]): Notice => ({ type: "exec-exit", id, exitCode }));
    const state: Notice = {
      type: "state",
      protocol: PROTOCOL,
      shim: process.pid,
      turn,
      execs: this.#execs.running,
    };
    if (this.#container !== undefined) {
      const { launch, pid, startedAt } = this.#container;
      state.launched = { id: launch.id, pid, startedAt };
    }
    if (this.#exit !== undefined) state.exit = this.#exit;
    return [state, ...ends];
  }

  /** Attaches to a program; an exec that is not known yet is expected to come. */
  attach(attachment: Attachment, target: Target): void {
    const entry = target.exec === undefined ? this.#own : this.#execs.entry(target.exec);
    entry.program.attach(attachment);
  }

  /** Starts the container, once. @throws {RuntimeError | FathomError} and leaves nothing. */
  launch(launch: Launch): Promise<Launched> {
    if (this.#launching !== undefined)
      throw new FathomError("conflict", "this shim has been given a container already");
    this.#launching = this.#launch(launch);
    return this.#launching;
  }

  /** Starts another program in the container. @throws {RuntimeError | FathomError} */
  exec(exec: ExecLaunch): Promise<Launched> {
    return this.#execs.start(exec);
  }

  /** Sends a signal to a program. @throws {FathomError} conflict, when it does not run (any more). */
  signal({ signal, target, disposes = false }: Omit<Extract<Request, { type: "signal" }>, "type">): void {
    this.#disposed ||= disposes;
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

  /** Resolves names for it from now on. @throws {FathomError | SyscallError} conflict, when it does not run. */
  async resolve(names: Names): Promise<void> {
    const { open } = await import("./_names.ts");
    if (this.#container === undefined || this.#exit !== undefined)
      throw new FathomError("conflict", "the container is not running");
    if (this.#container.names !== undefined) return;
    this.#container.names = open(names);
    this.#container.names.serve();
  }

  /** A child of this process has ended. */
  reapOrphans(): void {
    if (this.#starting > 0) return;
    const own = this.#own.process;
    const known = own === undefined ? this.#execs.running : [own, ...this.#execs.running];
    reapOrphans(new Set(known.map(({ pid }) => pid)));
  }

  #known(target: Target): Entry | undefined {
    return target.exec === undefined ? this.#own : this.#execs.known(target.exec);
  }

  async #launch(launch: Launch): Promise<Launched> {
    const { program } = this.#own;
    try {
      await program.attached(launch.attachments);
      const container = await this.#started(launch);
      this.#run(container);
      if (!launch.disposable) setImmediate(() => this.#reserve(launch.exitFile));
      return { pid: container.pid, startedAt: container.startedAt };
    } catch (error) {
      void program.release();
      throw error;
    }
  }

  #reserve(exitFile: string): void {
    if (this.#own.process !== undefined) void this.#attempt(() => reserveExitRecord(exitFile));
  }

  async #startExec(exec: ExecLaunch): Promise<WithEnds<Started>> {
    const container = this.#container;
    if (container === undefined || this.#exit !== undefined)
      throw new FathomError("conflict", "the container is not running");
    const { launch, running } = container;
    const runtime = await this.#runtimes(launch.runtime);
    const wanted = { ...exec, terminal: exec.process.terminal === true };
    return this.#start(launch, wanted, (stdio) => runtime.exec(running, exec.process, stdio));
  }

  async #started(launch: Launch): Promise<RunningContainer> {
    const terminal = hasTerminal(launch.bundle);
    const runtime = await this.#runtimes(launch.runtime);
    await using undo = new AsyncDisposableStack();
    const log = await openLog(launch.log, dirname(launch.exitFile));
    if (log !== undefined) undo.use(log);
    // Before the program runs: what it asks at once waits in the socket.
    const names = launch.names && undo.use((await import("./_names.ts")).open(launch.names));
    const { started: running, ends } = await this.#start(launch, { ...launch, terminal }, (stdio) =>
      runtime.run(launch, stdio),
    );
    const startedAt = rfc3339(wallClock());
    undo.move();
    names?.serve();
    this.#own.program.start({ ends, terminal, stdinOnce: launch.stdinOnce, log });
    return { launch, running, log, names, pid: running.pid, startedAt };
  }

  async #start<T extends Started>(
    { receiptFile }: Launch,
    wanted: Wanted,
    start: (stdio: Stdio) => Promise<T>,
  ): Promise<WithEnds<T>> {
    this.#starting += 1;
    try {
      return await recordPhase(receiptFile, () => withStdio(wanted, start));
    } finally {
      this.#starting -= 1;
    }
  }

  async #watch(container: RunningContainer): Promise<void> {
    const { launch, running, log } = container;
    const end = await endOf(running);
    const memory = running.cgroup.memoryUse();
    const exit: ExitRecord = {
      ...end,
      ...(memory && { memory }),
      oomKilled: running.cgroup.oomKilled(),
      startedAt: container.startedAt,
      finishedAt: rfc3339(wallClock()),
    };
    this.#own.process = undefined;
    // Its sockets would keep the network namespace.
    container.names?.[Symbol.dispose]();
    await this.#attempt(async () => {
      const runtime = await this.#runtimes(launch.runtime);
      await recordPhase(launch.receiptFile, () => runtime.remove(running));
    });
    await this.#attempt(() => this.#own.program.end());
    await this.#attempt(() => log?.[Symbol.asyncDispose]());
    await this.#attempt(flushReceipts);
    await this.#attempt(() =>
      writeExitRecord(launch.exitFile, exit, { disposable: launch.disposable || this.#disposed }),
    );
    this.#exit = exit;
    this.#execs.close();
    this.#notify({ type: "exit", exit });
    await this.#own.program.release();
    await this.#execs.served();
    this.#over.resolve();
  }

  /** At the end one failure must not keep the rest from being done. */
  async #attempt(work: () => PromiseLike<void> | void): Promise<void> {
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

function hasTerminal(bundle: string): boolean {
  const config: { process?: { terminal?: boolean } } = JSON.parse(
    readFileSync(join(bundle, "config.json"), "utf8"),
  );
  return config.process?.terminal === true;
}
