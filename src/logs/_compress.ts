/**
 * Compresses the files of a log that are not written any more, behind the writer's back: the writer goes on and may rotate meanwhile.
 *
 * A file is removed once its compressed form is in place under the same number; both are there in between, and readers take either.
 * What a writer that was killed has left uncompressed is done by the next.
 */

import { renameSync, rmSync, statSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { identityOf } from "./_identity.ts";
import { labelMember } from "./_packed.ts";
import { generation, packedGeneration } from "./_rotate.ts";

interface CompressorOptions {
  path: string;
  maxFiles: number;
  /** Told when a file could not be compressed; it stays as it is. */
  onFailure: (error: unknown) => void;
}

const FILE_MODE = 0o640;

export class Compressor {
  readonly #options: CompressorOptions;
  readonly #abort = new AbortController();
  /** The newest time in a file, by its identity; not known of those that another process has written. */
  readonly #newest = new Map<string, string>();
  #working = false;

  constructor(options: CompressorOptions) {
    this.#options = options;
  }

  /** Whether it is at work. */
  get busy(): boolean {
    return this.#working;
  }

  /** Compresses whatever is not; returns at once. `rotated` is the file that was written until now. */
  start(rotated?: { identity: string; newest: string | undefined }): void {
    if (rotated?.newest !== undefined) this.#newest.set(rotated.identity, rotated.newest);
    if (!this.#working) void this.#work();
  }

  /** Ends what is under way: nothing is renamed or removed after this call. */
  stop(): void {
    this.#abort.abort();
  }

  async #work(): Promise<void> {
    this.#working = true;
    try {
      for (let number = this.#oldest(); number > 0; number = this.#oldest()) await this.#compress(number);
    } catch (error) {
      if (!this.#abort.signal.aborted) this.#options.onFailure(error);
    } finally {
      this.#working = false;
    }
  }

  /** The highest number whose file is not compressed; 0 for none. */
  #oldest(): number {
    let number = this.#options.maxFiles - 1;
    while (number > 0 && identityAt(generation(this.#options.path, number)) === undefined) number -= 1;
    return number;
  }

  async #compress(number: number): Promise<void> {
    const { path } = this.#options;
    const temporary = `${path}.gz.new`;
    await using source = await open(generation(path, number), "r");
    const identity = identityOf(await source.stat({ bigint: true }));
    const newest = this.#newest.get(identity);
    // One of an earlier writer may still be open there: it must not be the same file.
    rmSync(temporary, { force: true });
    await using undo = new AsyncDisposableStack();
    await using target = await open(temporary, "wx", FILE_MODE);
    undo.defer(() => this.#discard(temporary));
    await target.write(labelMember({ file: identity, ...(newest !== undefined && { newest }) }));
    await pipeline(
      Readable.from(blocksOf(source), { objectMode: false }),
      createGzip(),
      (packed: AsyncIterable<Uint8Array>) => writeTo(target, packed),
      { signal: this.#abort.signal },
    );
    this.#abort.signal.throwIfAborted();
    this.#newest.delete(identity);
    this.#replace(identity, temporary);
    undo.move();
  }

  /** Not once it was stopped: the name may be another writer's by then. */
  #discard(temporary: string): void {
    if (!this.#abort.signal.aborted) rmSync(temporary, { force: true });
  }

  /** In one go, so that no rotation of this process comes in between. */
  #replace(identity: string, temporary: string): void {
    const { path, maxFiles } = this.#options;
    for (let number = 1; number < maxFiles; number += 1) {
      if (identityAt(generation(path, number)) !== identity) continue;
      renameSync(temporary, packedGeneration(path, number));
      rmSync(generation(path, number));
      return;
    }
    // It was the last and has been rotated away.
    rmSync(temporary);
  }
}

function identityAt(path: string): string | undefined {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stats && identityOf(stats);
}

const BLOCK = 256 * 1024;

async function* blocksOf(file: FileHandle): AsyncGenerator<Uint8Array> {
  for (;;) {
    const { bytesRead, buffer } = await file.read(new Uint8Array(BLOCK), 0, BLOCK);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

async function writeTo(file: FileHandle, packed: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const bytes of packed) await file.writeFile(bytes);
}
