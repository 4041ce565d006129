/**
 * Questions that go to other servers.
 *
 * One server after another is asked, each a while before the next, and whoever answers first counts: a slow server is still listened
 * to while the next is asked. After the last the first are asked again, since a datagram may be lost. A server that failed is asked
 * last for some time. What a server refuses or cannot do, the next may: its reply is kept for when none does better.
 */

import { exchange, type Place, type Question, type Told } from "./_exchange.ts";
import type { NameServer } from "./contract.ts";
import { codeOf, RCODE } from "./message.ts";

/** How long a server is waited for before another is asked, in milliseconds; all together less than a client waits (resolv.conf(5)). */
const STEP = 1500;
const MOST_STEPS = 3;
/** How long a server that failed is asked last, in milliseconds. */
const IN_DOUBT = 10_000;
/** Questions under way at once; each holds a descriptor or a few. */
const MOST = 256;
/** Docker's number of servers that are asked. */
const MOST_SERVERS = 3;

interface Pending {
  question: Question;
  /** Those that are still to be asked, in order. */
  left: NameServer[];
  /** Those that were, and have not answered. */
  open: Map<NameServer, Disposable>;
  /** When the next is asked, or all is given up. */
  due: number;
  refusal: Uint8Array | undefined;
  told: Told;
}

export class Forwarder {
  readonly #place: Place;
  readonly #pending = new Set<Pending>();
  /** When servers failed, by address. */
  readonly #failed = new Map<string, number>();

  constructor(place: Place) {
    this.#place = place;
  }

  get busy(): boolean {
    return this.#pending.size > 0;
  }

  /** Asks servers; `told` is called once: with a reply under the number of an exchange, or nothing where none came. */
  ask(question: Question, servers: readonly NameServer[], told: Told): void {
    const order = this.#ordered(servers.slice(0, MOST_SERVERS));
    if (order.length === 0 || this.#pending.size >= MOST) {
      told(undefined);
      return;
    }
    const left = Array.from({ length: Math.max(order.length, MOST_STEPS) }, (_, step) => step)
      .slice(0, MOST_STEPS)
      .flatMap((step) => order[step % order.length] ?? []);
    const pending: Pending = { question, left, open: new Map(), due: 0, refusal: undefined, told };
    this.#pending.add(pending);
    this.#next(pending);
  }

  /** Goes on with what has waited long enough. */
  expire(): void {
    const now = performance.now();
    for (const pending of this.#pending) {
      if (pending.due > now) continue;
      for (const server of pending.open.keys()) this.#failed.set(keyOf(server), now);
      this.#next(pending);
    }
  }

  /** Drops all; nobody is told. */
  close(): void {
    for (const pending of this.#pending) for (const open of pending.open.values()) open[Symbol.dispose]();
    this.#pending.clear();
  }

  #ordered(servers: readonly NameServer[]): NameServer[] {
    const now = performance.now();
    const inDoubt = (server: NameServer): boolean =>
      now - (this.#failed.get(keyOf(server)) ?? Number.NEGATIVE_INFINITY) < IN_DOUBT;
    return [...servers.filter((one) => !inDoubt(one)), ...servers.filter(inDoubt)];
  }

  /** Asks the next server that can be asked; without any, gives up unless somebody may yet answer. */
  #next(pending: Pending): void {
    pending.due = performance.now() + STEP;
    for (;;) {
      const server = pending.left.shift();
      if (server === undefined) {
        this.#finish(pending, pending.refusal);
        return;
      }
      pending.open.get(server)?.[Symbol.dispose]();
      pending.open.delete(server);
      try {
        const told: Told = (reply) => this.#answered(pending, server, reply);
        pending.open.set(server, exchange(this.#place, server, { question: pending.question, told }));
        return;
      } catch {
        // No way leads there from this network: as good as no answer.
        this.#failed.set(keyOf(server), performance.now());
      }
    }
  }

  #answered(pending: Pending, server: NameServer, reply: Uint8Array | undefined): void {
    pending.open.delete(server);
    if (reply !== undefined && !PASSED_ON.has(codeOf(reply))) {
      this.#failed.delete(keyOf(server));
      this.#finish(pending, reply);
      return;
    }
    this.#failed.set(keyOf(server), performance.now());
    pending.refusal = reply ?? pending.refusal;
    // Whoever has failed at once is not asked a second time.
    pending.left = pending.left.filter((one) => one !== server);
    if (pending.left.length > 0 || pending.open.size === 0) this.#next(pending);
  }

  #finish(pending: Pending, reply: Uint8Array | undefined): void {
    this.#pending.delete(pending);
    for (const open of pending.open.values()) open[Symbol.dispose]();
    pending.told(reply);
  }
}

/** Codes with which the next server is asked. */
const PASSED_ON: ReadonlySet<number> = new Set([RCODE.SERVER, RCODE.NOT_IMPLEMENTED, RCODE.REFUSED]);

function keyOf({ address, port, from }: NameServer): string {
  return `${from} ${address} ${port}`;
}
