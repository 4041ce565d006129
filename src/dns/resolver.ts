/**
 * A resolver of one container: its sockets, and what is done when one of them has something.
 *
 * It has no event loop: `turn` does what can be done now, and whoever has the resolver calls it when `fd` can be read, and at least
 * every TICK milliseconds while it is `busy`. So it serves in a process that runs an event loop as well as in one that only waits.
 */

import { closeFd } from "../kernel/file.ts";
import { Datagrams } from "../kernel/net/datagrams.ts";
import { send } from "../kernel/net/inet.ts";
import { WatchSet } from "../kernel/watch_set.ts";
import type { Told } from "./_exchange.ts";
import { Forwarder } from "./_forward.ts";
import { Streams } from "./_streams.ts";
import { lookUp } from "./lookup.ts";
import {
  encodeAnswer,
  encodeRefusal,
  MOST_ROOM,
  type Query,
  RCODE,
  readQuery,
  TYPE,
  truncated,
  withId,
} from "./message.ts";
import type { Sockets } from "./sockets.ts";
import { type Known, Tables } from "./tables.ts";

/** How often `turn` is called while something is waited for, in milliseconds. */
export const TICK = 50;

/** Datagrams that are taken at once; a longer query than this there is not. */
const BATCH = 32;
const LONGEST_QUERY = 2048;
/** Batches before others have their turn. */
const MOST_BATCHES = 8;
const MOST_STREAM = 65_535;

type Reply = (bytes: Uint8Array) => void;

export class Resolver implements Disposable {
  readonly #sockets: Sockets;
  readonly #tables: Tables;
  readonly #watch = new WatchSet();
  readonly #forwarder: Forwarder;
  readonly #streams: Streams;
  readonly #datagrams = new Datagrams(BATCH, { size: LONGEST_QUERY, answerSize: MOST_ROOM });
  #served = 0;
  #ticked = 0;

  /** `table`: path of the container's table. The sockets are the resolver's from here on. */
  constructor(sockets: Sockets, table: string) {
    this.#sockets = sockets;
    this.#tables = new Tables(table);
    this.#forwarder = new Forwarder({ watch: this.#watch, namespace: sockets.namespace });
    this.#streams = new Streams(this.#watch, (message, answer) => this.#askedByStream(message, answer));
    this.#watch.watch(sockets.udp, "read", () => this.#takeDatagrams());
    this.#watch.watch(sockets.tcp, "read", () => this.#streams.accept(sockets.tcp));
  }

  /** Can be read when there is something to do. */
  get fd(): number {
    return this.#watch.fd;
  }

  /** Whether somebody waits for an answer, or may ask more on a connection. */
  get busy(): boolean {
    return this.#forwarder.busy || this.#streams.busy;
  }

  /** How many questions have come; for whoever wants to know whether it is quiet. */
  get served(): number {
    return this.#served;
  }

  /** Does what can be done now; gives whether anything was. */
  turn(): boolean {
    const told = this.#watch.tell();
    const now = performance.now();
    if (now - this.#ticked >= TICK) {
      this.#ticked = now;
      this.#forwarder.expire();
      this.#streams.expire();
    }
    return told > 0;
  }

  /** Ends: the sockets are closed, whoever waits for an answer gets none, and who waits for `fd` is woken. Then it is disposed of. */
  end(): void {
    this.#forwarder.close();
    this.#streams.close();
    this.#watch.hangUp();
    const { udp, tcp, namespace } = this.#sockets;
    for (const fd of [udp, tcp, namespace]) closeFd(fd);
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
  }

  #takeDatagrams(): void {
    const { udp } = this.#sockets;
    for (let batch = 0; batch < MOST_BATCHES; batch++) {
      const count = this.#datagrams.receive(udp);
      if (count <= 0) return;
      for (let index = 0; index < count; index++) this.#takeDatagram(index);
      this.#datagrams.flush(udp);
      if (count < BATCH) return;
    }
  }

  #takeDatagram(index: number): void {
    const message = this.#datagrams.at(index);
    const now = this.#answer(message, undefined, (query) => {
      const kept = message.slice();
      const name = this.#datagrams.nameAt(index);
      this.#forward(kept, query, (reply) => {
        const fits = reply.length <= query.room;
        send(this.#sockets.udp, fits ? reply : truncated(reply, query.end), name);
      });
    });
    if (now !== undefined) this.#datagrams.answer(index, now);
  }

  #askedByStream(message: Uint8Array, answer: (reply: Uint8Array | undefined) => void): void {
    let later = false;
    const now = this.#answer(message, MOST_STREAM, (query) => {
      later = true;
      this.#forward(message, query, answer, "tcp");
    });
    if (!later) answer(now);
  }

  /** The answer where it is known here; nothing for what is no query, and for what goes `elsewhere`. */
  #answer(
    message: Uint8Array,
    room: number | undefined,
    elsewhere: (query: Query) => void,
  ): Uint8Array | undefined {
    this.#served += 1;
    const read = readQuery(message);
    if (read === undefined) return undefined;
    if ("refuse" in read) return encodeRefusal(message, read.refuse);
    const { query } = read;
    const say = (options: {
      code?: number;
      answers?: Parameters<typeof encodeAnswer>[2]["answers"];
    }): Uint8Array => encodeAnswer(message, query, { ...options, room: room ?? query.room });
    const found = this.#find(query);
    if (found !== "elsewhere") return say(found);
    const known = this.#tables.known();
    if (!known.forward) return say({ code: RCODE.SERVER });
    if (leftToSearch(known, query)) return say({});
    elsewhere(query);
    return undefined;
  }

  /** What is not known may have become known just now. */
  #find(query: Query): ReturnType<typeof lookUp> {
    const found = lookUp(this.#tables.known(), query);
    return found === "elsewhere" ? lookUp(this.#tables.known(true), query) : found;
  }

  #forward(message: Uint8Array, query: Query, reply: Reply, transport: "udp" | "tcp" = "udp"): void {
    const question = { bytes: message, end: query.end, transport };
    const told: Told = (answer) => {
      if (answer !== undefined) reply(withId(answer, query.id));
      else reply(encodeAnswer(message, query, { code: RCODE.SERVER, room: MOST_STREAM }));
    };
    this.#forwarder.ask(question, this.#tables.known().servers, told);
  }
}

/** Where the container's own options say how many dots a name must have, one without any is tried with the search domains: Docker's. */
function leftToSearch({ ndots }: Known, { name, type }: Query): boolean {
  return ndots && !name.includes(".") && (type === TYPE.A || type === TYPE.AAAA);
}
