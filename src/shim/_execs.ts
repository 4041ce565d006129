/** The execs of a container: further programs that run in it, those that somebody attaches to ahead of that, and how others ended. */

import type { Started } from "../runtime/runtime.ts";
import { FathomError } from "../std/errors.ts";
import { rfc3339, wallClock } from "../std/time.ts";
import { type Entry, type Launched, statusOf } from "./_entry.ts";
import { Program } from "./_program.ts";
import type { WithEnds } from "./_stdio.ts";
import type { ExecLaunch, Notice } from "./protocol.ts";

/** What execs need of their container. */
export interface Host {
  /** Starts the program. @throws {RuntimeError | FathomError} */
  start(exec: ExecLaunch): Promise<WithEnds<Started>>;
  notify(notice: Notice): void;
  /** One with `restAfter` has ended, and everybody was served. */
  rest(): void;
  /** Does what is to be done at an end; a failure is noted and nothing else. */
  attempt(work: () => Promise<void> | void): Promise<void>;
}

interface ExecEntry extends Entry {
  /** Settles when it has ended and its attachments are served. */
  served?: Promise<void>;
}

/** How many are remembered that have ended. */
const MOST_ENDED = 1000;

export class Execs {
  readonly #host: Host;
  /** Those that run, and those that somebody attaches to before they do. */
  readonly #entries = new Map<string, ExecEntry>();
  /** Exit codes of the others, oldest first. */
  readonly #ended = new Map<string, number>();
  /** Programs that have ended and whose streams others still hold. */
  readonly #held = new Set<Program>();
  /** Starts that are under way. */
  readonly #starts = new Set<Promise<unknown>>();
  #closed = false;

  constructor(host: Host) {
    this.#host = host;
  }

  /** Whether any of them runs or may yet, or has left something that holds its streams. */
  get busy(): boolean {
    return this.#entries.size + this.#starts.size > 0 || this.holding;
  }

  /** Whether something that they have left behind holds their streams. */
  get holding(): boolean {
    return [...this.#held].some(({ open }) => open);
  }

  /** ID and exit code of those that have ended. */
  get ended(): [string, number][] {
    return [...this.#ended];
  }

  get running(): { id: string; pid: number }[] {
    return [...this.#entries].flatMap(([id, { process }]) =>
      process === undefined ? [] : [{ id, pid: process.pid }],
    );
  }

  /** Remembers one that has ended. */
  remember(id: string, exitCode: number): void {
    this.#ended.set(id, exitCode);
    const [oldest] = this.#ended.keys();
    if (this.#ended.size > MOST_ENDED && oldest !== undefined) this.#ended.delete(oldest);
  }

  known(id: string): Entry | undefined {
    return this.#entries.get(id);
  }

  /** One that may not have been asked for yet. */
  entry(id: string): ExecEntry {
    const known = this.#entries.get(id);
    if (known !== undefined) return known;
    const entry: ExecEntry = { program: new Program() };
    if (this.#closed || this.#ended.has(id)) void entry.program.end();
    else this.#entries.set(id, entry);
    return entry;
  }

  /** Starts one when its attachments are there. @throws {RuntimeError | FathomError} */
  async start(exec: ExecLaunch): Promise<Launched> {
    const start = this.#start(exec);
    this.#starts.add(start);
    try {
      return await start;
    } finally {
      this.#starts.delete(start);
    }
  }

  /** The container has ended: none is started any more. */
  close(): void {
    this.#closed = true;
  }

  /** After `close`: resolves when everybody was served. */
  async served(): Promise<void> {
    for (const { program } of this.#entries.values()) program.abandon();
    await Promise.allSettled(this.#starts);
    const entries = [...this.#entries.values()];
    await Promise.all(entries.map(({ served, program }) => served ?? program.release()));
  }

  async #start(exec: ExecLaunch): Promise<Launched> {
    if (this.#ended.has(exec.id) || this.#entries.get(exec.id)?.process !== undefined)
      throw new FathomError("conflict", `exec ${exec.id} has been started already`);
    const entry = this.entry(exec.id);
    try {
      await entry.program.attached(exec.attachments);
      return await this.#run(exec, entry);
    } catch (error) {
      this.#entries.delete(exec.id);
      void entry.program.release();
      throw error;
    }
  }

  async #run(exec: ExecLaunch, entry: ExecEntry): Promise<Launched> {
    const { started, ends } = await this.#host.start(exec);
    const startedAt = rfc3339(wallClock());
    entry.process = started;
    entry.program.start({ ends, terminal: exec.process.terminal === true, stdinOnce: true });
    entry.served = this.#watch(exec.id, entry, started);
    if (exec.restAfter) void entry.served.then(() => this.#host.rest());
    return { pid: started.pid, startedAt };
  }

  async #watch(id: string, entry: ExecEntry, started: Started): Promise<void> {
    const exitCode = await statusOf(started);
    entry.process = undefined;
    await this.#host.attempt(() => entry.program.end());
    this.#entries.delete(id);
    this.remember(id, exitCode);
    this.#host.notify({ type: "exec-exit", id, exitCode });
    this.#hold(entry.program);
    await entry.program.release();
  }

  #hold(program: Program): void {
    for (const held of this.#held) if (!held.open) this.#held.delete(held);
    if (program.open) this.#held.add(program);
  }
}
