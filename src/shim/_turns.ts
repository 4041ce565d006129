/**
 * The containers of a shim, one after another, and when it is not needed any more.
 *
 * Each has a turn, with a Container of its own: nothing of one is left when the next begins. A shim that has served many or has
 * grown is not given another, so that whatever it may have leaked goes with it.
 */

import type { Resolver } from "../dns/mod.ts";
import { readControlFile } from "../kernel/control_file.ts";
import { FathomError } from "../std/errors.ts";
import { Container, type ContainerHandover, type Runtimes } from "./_container.ts";
import type { Notice } from "./protocol.ts";

const MOST_TURNS = 100;
/** Memory of its own beyond which a shim takes no other container, in KiB. */
const MOST_MEMORY = 48 * 1024;
/** How long a shim whose container has ended waits to be given another, in milliseconds. */
const PATIENCE = 10_000;

/** The turn that is under way, for another image of this process to go on with. */
export interface TurnsHandover {
  number: number;
  container: ContainerHandover;
}

export class Turns {
  readonly #runtimes: Runtimes;
  readonly #notify: (notice: Notice) => void;
  readonly #over = Promise.withResolvers<void>();
  /** Called when nothing is expected for some time. */
  onRest: (() => void) | undefined;
  /** Called when there is time to rehearse a start. */
  onRehearse: (() => void) | undefined;
  #number = 0;
  #container: Container;
  /** Whether no daemon is there. */
  #alone = false;

  /** `notify` is told of every end. */
  constructor(runtimes: Runtimes, notify: (notice: Notice) => void) {
    this.#runtimes = runtimes;
    this.#notify = notify;
    this.#container = this.#begin();
  }

  /** Resolves when this process is not needed any more. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  get container(): Container {
    return this.#container;
  }

  /** The container of a turn. @throws {FathomError} conflict, when that turn is over. */
  at(turn: number): Container {
    if (turn !== this.#number) throw new FathomError("conflict", "the container that was meant has ended");
    return this.#container;
  }

  /** What a daemon that connects now has to know, in order. */
  notices(): Notice[] {
    return this.#container.notices(this.#number);
  }

  /** What it takes to go on elsewhere with the container that has its turn; undefined while that is not to be. */
  get handover(): TurnsHandover | undefined {
    const container = this.#container.handover;
    return container && { number: this.#number, container };
  }

  /** Goes on with a container that an earlier image of this process has started, and with its resolver where that is at work. */
  async resume({ number, container }: TurnsHandover, resolver?: Resolver): Promise<void> {
    this.#number = number;
    await this.#container.resume(container, resolver);
  }

  /** A daemon is there. */
  joined(): void {
    this.#alone = false;
  }

  /** No daemon is there any more: the container goes on to its end, and this process with it. */
  left(): void {
    this.#alone = true;
    const container = this.#container;
    void container.abandon().then(() => {
      if (this.#alone && container === this.#container) this.#over.resolve();
    });
  }

  /** Begins the next turn. @throws {FathomError} conflict or unavailable, when the shim is to end instead. */
  async next(): Promise<void> {
    const container = this.#container;
    await container.leave();
    if (container !== this.#container) throw new FathomError("conflict", "the next turn has begun already");
    if (this.#number + 1 >= MOST_TURNS || ownMemory() > MOST_MEMORY)
      throw new FathomError("unavailable", "this shim has served its time");
    this.#number += 1;
    this.#container = this.#begin();
    if (this.#alone) this.left();
  }

  #begin(): Container {
    const container = new Container(this.#runtimes, this.#notify, () => this.onRest?.());
    void container.over.then(() => {
      const end = (): void => {
        if (container === this.#container) this.#over.resolve();
      };
      setTimeout(end, PATIENCE).unref();
    });
    return container;
  }
}

/** Memory that this process shares with no file, in KiB; RssAnon of proc_pid_status(5). */
function ownMemory(): number {
  return Number(/^RssAnon:\s*(\d+)/m.exec(readControlFile("/proc/self/status") ?? "")?.[1] ?? 0);
}
