/** A shim over its socket. */

import type { Socket } from "node:net";
import { type ErrorKind, FathomError } from "../std/errors.ts";
import { attach } from "./_attach.ts";
import { dial } from "./_dial.ts";
import { encodeMessage, LineBuffer } from "./_messages.ts";
import type { Shim } from "./handle.ts";
import type { ExitRecord, FromShim, Notice, Reply, Request } from "./protocol.ts";

/** What a shim could not do. */
export class ShimError extends FathomError {
  /** The exit status Docker gives the failure: 126, 127, or 128 for others. */
  readonly exitCode: number;

  constructor(kind: ErrorKind, message: string, exitCode: number) {
    super(kind, message);
    this.exitCode = exitCode;
  }
}

type State = Extract<Notice, { type: "state" }>;

/** The shim that listens at `socket`; undefined when there is none, and its socket is removed then. */
export async function connectShim(socket: string): Promise<Shim | undefined> {
  const connection = await dial(socket);
  if (connection === undefined) return undefined;
  const remote = new Remote(connection);
  connection.write(encodeMessage({ type: "hello" }));
  const state = await remote.state;
  return state === undefined ? undefined : shimOf(remote, socket, state);
}

function shimOf(remote: Remote, socket: string, state: State): Shim {
  const started = (reply: Reply): { pid: number; startedAt: string } => {
    if (reply.type !== "launched")
      throw new FathomError("internal", "a shim gave an answer to another question");
    return { pid: reply.pid, startedAt: reply.startedAt };
  };
  return {
    pid: state.shim,
    socket,
    running: state.launched,
    exited: remote.exited,
    launch: async (launch) => started(await remote.ask({ type: "launch", launch })),
    exec: async (exec) => started(await remote.ask({ type: "exec", exec })),
    signal: async (signal, target) => {
      await remote.ask({ type: "signal", signal, target });
    },
    resize: async ({ columns, rows }, target) => {
      await remote.ask({ type: "resize", columns, rows, target });
    },
    attach: (request) => attach(socket, request),
    execExited: (id) => remote.execExited(id),
    close: () => remote.close(),
  };
}

/** A control connection: requests that wait for their replies, and what the shim has told. */
class Remote {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, PromiseWithResolvers<Reply>>();
  readonly #execs = new Map<string, PromiseWithResolvers<number>>();
  readonly #exit = Promise.withResolvers<ExitRecord>();
  readonly #state = Promise.withResolvers<State | undefined>();
  #last = 0;
  #lost = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    handled(this.#exit.promise);
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

  get exited(): Promise<ExitRecord> {
    return this.#exit.promise;
  }

  execExited(id: string): Promise<number> {
    return this.#exec(id).promise;
  }

  async ask(request: Request): Promise<Reply> {
    if (this.#lost) throw lostError();
    this.#last += 1;
    const answer = Promise.withResolvers<Reply>();
    this.#waiting.set(this.#last, answer);
    this.#socket.write(encodeMessage({ ...request, seq: this.#last }));
    const reply = await answer.promise;
    if (reply.type !== "failed") return reply;
    throw new ShimError(reply.kind ?? "internal", reply.message, reply.code);
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(message: FromShim): void {
    switch (message.type) {
      case "state":
        this.#state.resolve(message);
        if (message.exit !== undefined) this.#exit.resolve(message.exit);
        return;
      case "exit":
        this.#exit.resolve(message.exit);
        return;
      case "exec-exit":
        this.#exec(message.id).resolve(message.exitCode);
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
    }
  }

  #exec(id: string): PromiseWithResolvers<number> {
    const known = this.#execs.get(id);
    if (known !== undefined) return known;
    const exec = Promise.withResolvers<number>();
    handled(exec.promise);
    if (this.#lost) exec.reject(lostError());
    this.#execs.set(id, exec);
    return exec;
  }

  /** Nothing more will come: whoever waits is told, which those who know already do not notice. */
  #lose(): void {
    this.#lost = true;
    this.#state.resolve(undefined);
    this.#exit.reject(lostError());
    for (const { reject } of [...this.#waiting.values(), ...this.#execs.values()]) reject(lostError());
    this.#waiting.clear();
  }
}

function lostError(): FathomError {
  return new FathomError("unavailable", "the shim of the container is gone");
}

/** Marks a promise whose rejection somebody may ask for later. */
function handled(promise: Promise<unknown>): void {
  promise.catch(() => undefined);
}
