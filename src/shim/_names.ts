/**
 * The resolver of a shim's container: opened before the program starts, served from then on by this process's event loop, handed to
 * the next image of it when the shim dozes, and ended with the container.
 */

import { Resolver, TICK } from "../dns/mod.ts";
import { openSockets, type Sockets } from "../dns/sockets.ts";
import { untilEinval } from "../kernel/ready.ts";
import type { Names } from "./protocol.ts";

/** A resolver for another image of this process to go on with. */
export interface NamesHandover {
  sockets: Sockets;
  table: string;
}

/** Questions seldom come alone: for so long after one, in milliseconds, the next is looked for and not waited for. */
const LINGER = 0.2;

/** A resolver at work; disposing of it closes its sockets. */
export class Resolving implements Disposable {
  readonly #resolver: Resolver;
  readonly handover: NamesHandover;
  #over = false;
  #serving = Promise.resolve();
  #tick: ReturnType<typeof setInterval> | undefined;

  constructor(handover: NamesHandover, resolver?: Resolver) {
    this.handover = handover;
    this.#resolver = resolver ?? new Resolver(handover.sockets, handover.table);
  }

  get busy(): boolean {
    return this.#resolver.busy;
  }

  get served(): number {
    return this.#resolver.served;
  }

  /** Serves until it is disposed of. */
  serve(): void {
    this.#serving = this.#serve();
  }

  /** At once, as far as anybody else can see. */
  [Symbol.dispose](): void {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#tick);
    this.#resolver.end();
    void this.#serving.finally(() => this.#resolver[Symbol.dispose]());
  }

  async #serve(): Promise<void> {
    while (!this.#over) {
      await this.#answerAll();
      if (this.#over) return;
      if (this.#resolver.busy) this.#tick ??= setInterval(() => this.#expire(), TICK);
      await untilEinval(this.#resolver.fd);
    }
  }

  /** What waits for others must be given up some time. */
  #expire(): void {
    this.#resolver.turn();
    if (this.#resolver.busy) return;
    clearInterval(this.#tick);
    this.#tick = undefined;
  }

  /** Waiting costs several times what an answer does; others have their turn in between all the same. */
  async #answerAll(): Promise<void> {
    let last = performance.now();
    while (!this.#over) {
      if (this.#resolver.turn()) last = performance.now();
      else if (performance.now() - last > LINGER) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** Opens a resolver's sockets; `serve` begins to answer. @throws {SyscallError} */
export function open({ namespace, table }: Names): Resolving {
  return new Resolving({ sockets: openSockets(namespace), table });
}

/** Goes on with a resolver that an earlier image of this process has opened, or that has answered while this one dozed. */
export function resume(handover: NamesHandover, resolver: Resolver | undefined): Resolving {
  const resolving = new Resolving(handover, resolver);
  resolving.serve();
  return resolving;
}
