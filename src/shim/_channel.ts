/** A control connection to a shim: requests that wait for their replies, and what the shim tells by itself. */

import type { Socket } from "node:net";
import { type ErrorKind, FathomError } from "../std/errors.ts";
import { encodeMessage, LineBuffer } from "./_messages.ts";
import {
  type ExitRecord,
  type FromShim,
  type Notice,
  PROTOCOL,
  type Reply,
  type Request,
  type Target,
} from "./protocol.ts";

/** What a shim could not do. */
export class ShimError extends FathomError {
  /** The exit status Docker gives the failure: 126, 127, or 128 for others. */
  readonly exitCode: number;

  constructor(kind: ErrorKind, message: string, exitCode: number) {
    super(kind, message);
    this.exitCode = exitCode;
  }
}

export type State = Extract<Notice, { type: "state" }>;

/** What is known of the container that has its turn. */
export interface Turn {
  number: number;
  exit: PromiseWithResolvers<ExitRecord>;
  ended: boolean;
  execs: Map<string, PromiseWithResolvers<number>>;
  onDetach?: (target: Target) => void;
}

/** As many as a shim remembers: those that had ended before this connection are told all at once. */
const MOST_ENDED = 1000;

export class Channel {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, PromiseWithResolvers<Reply>>();
  readonly #state = Promise.withResolvers<State | undefined>();
  readonly #gone = Promise.withResolvers<void>();
  #turn = turnOf(0);
  readonly #endedExecs: string[] = [];
  #last = 0;
  #lost = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.write(encodeMessage({ type: "hello", protocol: PROTOCOL }));
    const lines = new LineBuffer();
    socket.on("data", (chunk: Buffer) => {
      try {
        lines.push(chunk);
        for (let line = lines.line(); line !== undefined; line = lines.line()) this.#take(JSON.parse(line));
      } catch (error) {
        socket.destroy(error instanceof Error ? error : undefined);
      }
    });
    socket.on("error", () => this.#lose());
    socket.on("end", () => socket.destroy());
    socket.on("close", () => this.#lose());
  }

  /** What the shim said first; undefined when it ended before. */
  get state(): Promise<State | undefined> {
    return this.#state.promise;
  }

  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  get turn(): Turn {
    return this.#turn;
  }

  nextTurn(): void {
    for (const { reject } of this.#turn.execs.values()) reject(lostError());
    this.#turn = turnOf(this.#turn.number + 1);
    if (this.#lost) this.#turn.exit.reject(lostError());
  }

  /** @throws {FathomError} what the shim said; conflict, when the container's turn is over. */
  async ask(request: Request, turn: number): Promise<Reply> {
    if (this.#lost) throw lostError();
    this.#last += 1;
    const answer = Promise.withResolvers<Reply>();
    this.#waiting.set(this.#last, answer);
    this.#socket.write(encodeMessage({ ...request, seq: this.#last, turn }));
    const reply = await answer.promise;
    if (reply.type !== "failed") return reply;
    throw new ShimError(reply.kind ?? "internal", reply.message, reply.code);
  }

  execEnd(turn: Turn, id: string): PromiseWithResolvers<number> {
    const known = turn.execs.get(id);
    if (known !== undefined) return known;
    const exec = Promise.withResolvers<number>();
    handled(exec.promise);
    if (this.#lost || turn !== this.#turn) exec.reject(lostError());
    turn.execs.set(id, exec);
    return exec;
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(message: FromShim): void {
    switch (message.type) {
      case "state":
        this.#turn = turnOf(message.turn);
        if (message.exit !== undefined) this.#end(message.exit);
        this.#state.resolve(message);
        return;
      case "exit":
        this.#end(message.exit);
        return;
      case "exec-exit":
        this.execEnd(this.#turn, message.id).resolve(message.exitCode);
        this.#forgetOld(message.id);
        return;
      case "detached":
        this.#turn.onDetach?.(message.target);
        return;
      case "launched":
      case "done":
      case "failed":
        this.#waiting.get(message.seq)?.resolve(message);
        this.#waiting.delete(message.seq);
        return;
      case "attached":
      case "refused":
        throw new FathomError("internal", `a shim sent ${message.type} on a control connection`);
      default:
        // A notice of a later build.
        message satisfies never;
    }
  }

  /** Of execs that have ended the latest are remembered, or health checks would fill the memory. */
  #forgetOld(ended: string): void {
    this.#endedExecs.push(ended);
    const oldest = this.#endedExecs.length > MOST_ENDED ? this.#endedExecs.shift() : undefined;
    if (oldest !== undefined) this.#turn.execs.delete(oldest);
  }

  #end(exit: ExitRecord): void {
    this.#turn.ended = true;
    this.#turn.exit.resolve(exit);
  }

  /** Nothing more will come: whoever waits is told, which those who know already do not notice. */
  #lose(): void {
    this.#lost = true;
    this.#state.resolve(undefined);
    this.#gone.resolve();
    const { exit, execs } = this.#turn;
    exit.reject(lostError());
    for (const { reject } of [...this.#waiting.values(), ...execs.values()]) reject(lostError());
    this.#waiting.clear();
  }
}

function turnOf(number: number): Turn {
  const exit = Promise.withResolvers<ExitRecord>();
  handled(exit.promise);
  return { number, exit, ended: false, execs: new Map() };
}

function lostError(): FathomError {
  return new FathomError("unavailable", "the shim of the container is gone");
}

/** Marks a promise whose rejection somebody may ask for later. */
function handled(promise: Promise<unknown>): void {
  promise.catch(() => undefined);
}
