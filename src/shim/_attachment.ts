/** One attachment: a connection that takes a program's output, gives its input, or both. */

import type { OutputStream } from "../logs/writer.ts";
import { DEFAULT_DETACH_KEYS, parseDetachKeys } from "../std/detach_keys.ts";
import { frame } from "../std/stdcopy.ts";
import type { Connection } from "./_connection.ts";
import { detachScanner } from "./_detach_keys.ts";
import type { Input } from "./_input.ts";
import type { Attach } from "./protocol.ts";

/** What an attachment needs to know of its program once that runs. */
export interface Feed {
  /** Absent where the program takes no input. */
  input: Input | undefined;
  terminal: boolean;
  /** Whether the end of this attachment's input is the end of the program's. */
  endsInput: boolean;
}

export class Attachment {
  readonly connection: Connection;
  readonly #request: Attach;
  readonly #keys: Uint8Array;
  readonly #onDetach: () => void;
  /** Input that came with the request. */
  #early: Uint8Array;
  #feed: Feed | undefined;
  #scan: ReturnType<typeof detachScanner> | undefined;
  #inputOver = false;

  /**
   * Takes over a connection; input is held back until `begin`. `onDetach` is told of the keys that end it.
   * @throws {FathomError} invalid, for detach keys that are none.
   */
  constructor(
    connection: Connection,
    request: Attach,
    { early, onDetach }: { early: Uint8Array; onDetach: () => void },
  ) {
    this.#onDetach = onDetach;
    this.connection = connection;
    this.#request = request;
    this.#early = early;
    this.#keys = parseDetachKeys(request.detachKeys || DEFAULT_DETACH_KEYS);
    if (request.stdin) connection.pause();
    connection.listen({
      data: (bytes) => void this.#take(bytes),
      end: () => this.#endInput(),
      close: () => this.#endInput(),
    });
  }

  /** The program runs: its input is open. */
  begin(feed: Feed): void {
    this.#feed = feed;
    if (feed.terminal) this.#scan = detachScanner(this.#keys);
    const early = this.#early;
    this.#early = new Uint8Array(0);
    if (!this.#request.stdin) return;
    if (early.length > 0) void this.#take(early);
    else this.connection.resume();
  }

  /** Sends output: framed memory has room for a header before the bytes, which a terminal's output does not get. */
  deliver(stream: OutputStream, framed: Uint8Array, bytes: Uint8Array | undefined): void {
    if (this.#request[stream]) this.connection.send(bytes ?? framed);
  }

  /** Sends what the log does not hold yet. */
  catchUp(stream: OutputStream, bytes: Uint8Array): void {
    if (bytes.length === 0 || !this.#request[stream]) return;
    this.connection.send(this.#feed?.terminal ? bytes : frame(stream, bytes));
  }

  async #take(bytes: Uint8Array): Promise<void> {
    const input = this.#feed?.input;
    if (!this.#request.stdin || input === undefined) return;
    const { bytes: wanted, detached } = this.#scan?.(bytes) ?? { bytes, detached: false };
    this.connection.pause();
    await input.write(wanted);
    if (detached) {
      this.#onDetach();
      this.connection.finish();
    } else this.connection.resume();
  }

  /** As in Docker: what does not end the program's input ends the attachment. */
  #endInput(): void {
    if (!this.#request.stdin || this.#inputOver) return;
    this.#inputOver = true;
    const { input, endsInput } = this.#feed ?? {};
    if (endsInput) void input?.close();
    else this.connection.finish();
  }
}
