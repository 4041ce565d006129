/** One connection: requests one after another, each answered before the next is read (which makes pipelining safe). */

import type { Socket } from "node:net";
import { RequestBody } from "./_body.ts";
import { framingOf, type Head, listHas } from "./_head.ts";
import { Input } from "./_input.ts";
import { lingerAndClose } from "./_output.ts";
import { readHead } from "./_read_head.ts";
import { Reply } from "./_reply.ts";
import { ProtocolError } from "./error.ts";

/** A request as its handler sees it. */
export interface HttpRequest {
  method: string;
  /** As sent, percent-encoded. */
  target: string;
  /** Names in lower case. */
  fields: ReadonlyMap<string, string>;
  body: RequestBody;
  /** Fires when the client has gone, or stopped sending, before it was answered; and when the server closes. */
  readonly signal: AbortSignal;
}

/** Answers a request. What it throws before an answer has begun is answered with 500. */
export type Handler = (request: HttpRequest, reply: Reply) => Promise<void>;

export interface ConnectionOptions {
  handler: Handler;
  commonFields: string;
  /** Takes what a handler threw. */
  report: (error: unknown) => void;
}

/** Owner of one client's socket. */
export class Connection {
  readonly #socket: Socket;
  readonly #input: Input;
  readonly #options: ConnectionOptions;
  #aborter: AbortController | undefined;
  #busy: Reply | undefined;
  #closing = false;

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#input = new Input(socket);
    this.#input.onEnd = () => this.#aborter?.abort();
    // A reset is followed by `close`, which is what everything here waits for.
    socket.on("error", () => this.#aborter?.abort());
    socket.once("close", () => this.#aborter?.abort());
  }

  /** Serves until the client or `close` ends it. Never rejects. */
  async run(): Promise<void> {
    try {
      while (!this.#closing) {
        const head = await readHead(this.#input, this.#socket);
        if (head === undefined || !(await this.#exchange(head))) break;
      }
    } catch (error) {
      await this.#refuse(error);
    }
    lingerAndClose(this.#socket);
  }

  /** No further request is taken, watchers are told to stop, and an idle or hijacked connection ends once it is written out. */
  close(): void {
    this.#closing = true;
    this.#aborter?.abort();
    if (this.#busy === undefined || this.#busy.hijacked) this.#socket.destroySoon();
  }

  /** Cuts it, whatever is going on. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** Answers one request; true when the connection can take another. */
  async #exchange(head: Head): Promise<boolean> {
    const body = new RequestBody(
      { input: this.#input, socket: this.#socket },
      framingOf(head),
      expectation(head),
    );
    const reply = this.#replyTo(head, () => wantsKeepAlive(head) && body.skippable && !this.#closing);
    this.#busy = reply;
    try {
      await this.#options.handler(this.#request(head, body), reply);
    } catch (error) {
      this.#options.report(error);
      if (reply.started) this.#socket.destroy();
      else await sendError(reply, 500, "the server failed to answer the request");
    }
    this.#busy = undefined;
    this.#aborter = undefined;
    return reply.reusable && (body.done || (await body.skip()));
  }

  #request(head: Head, body: RequestBody): HttpRequest {
    const signal = () => this.#signal();
    return {
      method: head.method,
      target: head.target,
      fields: head.fields,
      body,
      get signal() {
        return signal();
      },
    };
  }

  /** Made when first asked for: most requests never do. */
  #signal(): AbortSignal {
    this.#aborter ??= new AbortController();
    if (this.#input.ended || this.#closing) this.#aborter.abort();
    return this.#aborter.signal;
  }

  #replyTo(head: Pick<Head, "method" | "minor">, persistent: () => boolean): Reply {
    const { commonFields } = this.#options;
    return new Reply({ socket: this.#socket, input: this.#input, ...head, persistent, commonFields });
  }

  /** Answers what could not even be read as a request. */
  async #refuse(error: unknown): Promise<void> {
    if (!(error instanceof ProtocolError)) this.#options.report(error);
    const status = error instanceof ProtocolError ? error.status : 500;
    const message = error instanceof ProtocolError ? error.message : "the server failed to read the request";
    await sendError(
      this.#replyTo({ method: "GET", minor: 1 }, () => false),
      status,
      message,
    );
  }
}

function sendError(reply: Reply, status: number, message: string): Promise<void> {
  return reply.send(status, { "Content-Type": "application/json" }, `${JSON.stringify({ message })}\n`);
}

function wantsKeepAlive(head: Head): boolean {
  const connection = head.fields.get("connection");
  return head.minor === 1 ? !listHas(connection, "close") : listHas(connection, "keep-alive");
}

/** Whether the client holds its body back until it is asked for it (RFC 9110 section 10.1.1). */
function expectation(head: Head): boolean {
  const expect = head.fields.get("expect");
  if (expect === undefined || head.minor === 0) return false;
  if (expect.toLowerCase() === "100-continue") return true;
  throw new ProtocolError(417, `unsupported expectation ${JSON.stringify(expect)}`);
}
