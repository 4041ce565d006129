/**
 * One program's streams: a container's own program or an exec's, from before its start until its last output is delivered.
 *
 * Output goes to the log first and then to every attachment. An attachment that does not take its output holds up the program,
 * as in Docker, until it takes it or is gone; when the program has ended nothing is held up, so that the log is complete at
 * once, and the attachments get the rest as they take it.
 *
 * Standard output and standard error are two pipes, and nothing in them says which was written to first. Both are read as soon as
 * they have something, in the order in which they got it. So lines stay in their order where a program writes to the one and then
 * to the other; where it has gone back to the first before that was read, both of its pieces come before what lies between them.
 */

import { setWindowSize } from "../kernel/pty.ts";
import { ReadyQueue } from "../kernel/ready_queue.ts";
import type { OutputStream } from "../logs/writer.ts";
import { FathomError } from "../std/errors.ts";
import { putHeader } from "../std/stdcopy.ts";
import type { Attachment } from "./_attachment.ts";
import { Input } from "./_input.ts";
import type { ProgramLog } from "./_log.ts";
import { encodeMessage } from "./_messages.ts";
import { Pump } from "./_pump.ts";
import type { OwnEnds } from "./_stdio.ts";
import type { Attached } from "./protocol.ts";

/** The streams of a program that runs. */
export interface Streams {
  ends: OwnEnds;
  terminal: boolean;
  /** Standard input ends with the first attachment that ends its own. */
  stdinOnce: boolean;
}

export interface ProgramOptions extends Streams {
  log?: ProgramLog | undefined;
}

type RunningProgram = ProgramOptions & {
  input: Input | undefined;
  pumps: Map<OutputStream, Pump>;
  queue: ReadyQueue;
};

export class Program {
  readonly #attachments = new Set<Attachment>();
  #arrived = 0;
  #arrival = Promise.withResolvers<void>();
  #running: RunningProgram | undefined;
  #over = false;
  #abandoned = false;
  #written = 0;

  /** Adds an attachment; the reply to it goes out before any output. */
  attach(attachment: Attachment): void {
    if (this.#over) {
      attachment.connection.send(
        encodeMessage({ type: "refused", message: "the program to attach to has ended" }),
      );
      attachment.connection.finish();
      return;
    }
    attachment.connection.send(encodeMessage(this.#position()));
    this.#attachments.add(attachment);
    void attachment.connection.closed.then(() => this.#attachments.delete(attachment));
    if (this.#running !== undefined) this.#begin(attachment, this.#running);
    this.#arrived += 1;
    this.#arrival.resolve();
    this.#arrival = Promise.withResolvers();
  }

  /**
   * Resolves when as many attachments have come, whether or not they are still there.
   * @throws {FathomError} unavailable, when nobody is left who could send one.
   */
  async attached(count: number): Promise<void> {
    while (this.#arrived < count) {
      if (this.#abandoned) throw new FathomError("unavailable", "whoever was to attach is gone");
      await this.#arrival.promise;
    }
  }

  /** No attachment will come that is waited for. */
  abandon(): void {
    this.#abandoned = true;
    this.#arrival.resolve();
  }

  /** The program runs: its streams are read and fed from now on. */
  start(options: ProgramOptions): void {
    const { ends, log, terminal } = options;
    const input = ends.stdin === undefined ? undefined : new Input(ends.stdin);
    const pumps = new Map<OutputStream, Pump>();
    const queue = new ReadyQueue();
    this.#running = { ...options, input, pumps, queue };
    // Before any output is read: a line that the first read leaves unfinished would come to them twice.
    for (const attachment of this.#attachments) this.#begin(attachment, this.#running);
    for (const stream of ["stdout", "stderr"] as const) {
      const fd = ends[stream];
      if (fd !== undefined) pumps.set(stream, this.#pump(stream, fd, { log, terminal, queue }));
    }
    const closed = Promise.allSettled([...pumps.values()].map((pump) => pump.closed));
    void closed.then(() => queue[Symbol.dispose]());
  }

  /** Tells the terminal its size. @throws {FathomError} conflict, where there is no terminal (any more). */
  resize(size: { columns: number; rows: number }): void {
    const { terminal, ends } = this.#running ?? {};
    if (!terminal || ends?.stdout === undefined || this.#over)
      throw new FathomError("conflict", "cannot resize: the program is not running on a terminal");
    setWindowSize(ends.stdout, size.columns, size.rows);
  }

  /** Whether something may still write to its streams. */
  get open(): boolean {
    return this.#running?.pumps.values().some((pump) => pump.open) ?? false;
  }

  /** How many bytes it has written. */
  get written(): number {
    return this.#written;
  }

  /** What it takes to go on with a running program elsewhere; undefined while somebody is attached or something under way. */
  get handover(): Streams | undefined {
    const running = this.#running;
    if (running === undefined || this.#over || this.#attachments.size > 0) return undefined;
    if (running.log?.busy) return undefined;
    const { terminal, stdinOnce, input, pumps } = running;
    const idle = input === undefined ? { fd: undefined } : input.idle;
    if (idle === undefined) return undefined;
    const ends: OwnEnds = {};
    if (idle.fd !== undefined) ends.stdin = idle.fd;
    for (const [stream, { open, fd }] of pumps) if (open) ends[stream] = fd;
    return { ends, terminal, stdinOnce };
  }

  /** The program has ended: resolves when all that it wrote is in the log and on its way to the attachments. */
  async end(): Promise<void> {
    this.#over = true;
    const { input, queue } = this.#running ?? {};
    const ready = queue?.take() ?? [];
    const late = ({ fd }: Pump): number => (ready.includes(fd) ? ready.indexOf(fd) : ready.length);
    const pumps = [...(this.#running?.pumps.values() ?? [])].sort((one, other) => late(one) - late(other));
    for (const pump of pumps) pump.end();
    await Promise.all(pumps.map((pump) => pump.taken));
    await input?.close();
  }

  /** Lets the attachments go, each when it has taken all; resolves when they are gone. */
  async release(): Promise<void> {
    this.#over = true;
    const all = [...this.#attachments];
    for (const { connection } of all) connection.finish();
    await Promise.all(all.map(({ connection }) => connection.closed));
  }

  #position(): Attached {
    const position = this.#running?.log?.position;
    if (position === undefined) return { type: "attached", logOffset: 0 };
    return { type: "attached", logOffset: position.offset, logFile: position.file };
  }

  #begin(attachment: Attachment, { input, terminal, stdinOnce, log }: RunningProgram): void {
    attachment.begin({ input, terminal, endsInput: stdinOnce && !terminal });
    for (const stream of ["stdout", "stderr"] as const) {
      if (log !== undefined) attachment.catchUp(stream, log.unfinished(stream));
    }
  }

  #pump(
    stream: OutputStream,
    fd: number,
    { log, terminal, queue }: { log: ProgramLog | undefined; terminal: boolean; queue: ReadyQueue },
  ): Pump {
    return new Pump(fd, queue, (bytes, framed) => {
      this.#written += bytes.length;
      const logged = log?.write(stream, bytes);
      if (this.#attachments.size === 0) return logged;
      if (!terminal) putHeader(framed, 0, { stream, length: bytes.length });
      for (const attachment of this.#attachments)
        attachment.deliver(stream, framed, terminal ? bytes : undefined);
      return this.#pressure(logged);
    });
  }

  /** Settles when the log and every attachment have room again; undefined when all have. */
  #pressure(logged: Promise<unknown> | undefined): Promise<unknown> | undefined {
    const holding: Promise<unknown>[] = logged === undefined ? [] : [logged];
    for (const { connection } of this.#attachments) {
      const pressure = connection.pressure();
      if (pressure !== undefined) holding.push(pressure);
    }
    return holding.length === 0 ? undefined : Promise.all(holding);
  }
}
