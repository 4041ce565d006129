/** A shim process, and the handles for its containers. */

import { FathomError } from "../std/errors.ts";
import { attach } from "./_attach.ts";
import { Channel, type State } from "./_channel.ts";
import { dial } from "./_dial.ts";
import type { Shim } from "./handle.ts";
import type { Reply, Request } from "./protocol.ts";

/** The shim that listens at `socket`; undefined when there is none, and its socket is removed then. */
export async function connectShim(socket: string): Promise<Remote | undefined> {
  const connection = await dial(socket);
  if (connection === undefined) return undefined;
  const channel = new Channel(connection);
  const state = await channel.state;
  return state === undefined ? undefined : new Remote(channel, socket, state);
}

/** A shim process, which serves one container after another. */
export class Remote {
  readonly #channel: Channel;
  readonly #socket: string;
  readonly #state: State;

  constructor(channel: Channel, socket: string, state: State) {
    this.#channel = channel;
    this.#socket = socket;
    this.#state = state;
  }

  /** Whether the container that it was given has ended. */
  get ended(): boolean {
    return this.#channel.turn.ended;
  }

  /** Resolves when the connection is gone. */
  get gone(): Promise<void> {
    return this.#channel.gone;
  }

  /** A handle for the container that has its turn; it is of no use any more when the next begins. */
  handle(): Shim {
    const channel = this.#channel;
    const turn = channel.turn;
    const { number } = turn;
    const ask = (request: Request) => channel.ask(request, number);
    return {
      pid: this.#state.shim,
      socket: this.#socket,
      running: number === this.#state.turn ? this.#state.launched : undefined,
      exited: turn.exit.promise,
      launch: async (launch) => started(await ask({ type: "launch", launch })),
      exec: async (exec) => started(await ask({ type: "exec", exec })),
      signal: async (signal, target, options) => {
        await ask({ type: "signal", signal, target, ...options });
      },
      resize: async ({ columns, rows }, target) => {
        await ask({ type: "resize", columns, rows, target });
      },
      resolve: async (names) => {
        await ask({ type: "names", names });
      },
      attach: (request) => attach(this.#socket, { ...request, turn: number }),
      onDetach: (listener) => {
        turn.onDetach = listener;
      },
      execExited: (id) => channel.execEnd(turn, id).promise,
      close: () => this.close(),
    };
  }

  /** Makes it ready for the next container. @throws {ShimError} when it is not to be given another. */
  async reset(): Promise<void> {
    await this.#channel.ask({ type: "reset" }, this.#channel.turn.number);
    this.#channel.nextTurn();
  }

  /** Tells it that it has time. What comes of that is nobody's concern: a shim that is gone is noticed otherwise. */
  rehearse(): void {
    this.#channel.ask({ type: "rehearse" }, this.#channel.turn.number).catch(() => undefined);
  }

  close(): void {
    this.#channel.close();
  }
}

function started(reply: Reply): { pid: number; startedAt: string } {
  if (reply.type !== "launched")
    throw new FathomError("internal", "a shim gave an answer to another question");
  return { pid: reply.pid, startedAt: reply.startedAt };
}
