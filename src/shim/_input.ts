/** A program's standard input: bytes of any number of attachments, in the order they came. */

import { closeFd } from "../kernel/file.ts";
import { writeAll } from "../kernel/ready.ts";

export class Input {
  readonly #fd: number;
  #last: Promise<void> = Promise.resolve();
  #pending = 0;
  #closed = false;

  /** Writes to `fd`, which is non-blocking and its own. */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /** The descriptor, while nothing waits to be written to it; undefined once it is closed. */
  get idle(): { fd: number | undefined } | undefined {
    if (this.#pending > 0) return undefined;
    return { fd: this.#closed ? undefined : this.#fd };
  }

  /** Resolves when the program's pipe or terminal holds the bytes, or takes none any more; they are lent until then. */
  write(bytes: Uint8Array): Promise<void> {
    return this.#then(() => this.#write(bytes));
  }

  /** Ends the input, once all that was written before is through. */
  close(): Promise<void> {
    return this.#then(() => this.#shut());
  }

  #then(work: () => Promise<void> | void): Promise<void> {
    this.#pending += 1;
    this.#last = this.#last.then(work).finally(() => {
      this.#pending -= 1;
    });
    return this.#last;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (this.#closed) return;
    try {
      await writeAll(this.#fd, bytes);
    } catch {
      // The program has closed its input, which is its right: what is sent to it from now on goes nowhere.
      this.#shut();
    }
  }

  #shut(): void {
    if (!this.#closed) closeFd(this.#fd);
    this.#closed = true;
  }
}
