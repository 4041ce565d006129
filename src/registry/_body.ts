/** Bodies of answers: short ones read whole within a bound, long ones as a stream that does not stall unnoticed. */

import { FathomError } from "../std/errors.ts";
import { requestFailure, TransientError } from "./_failure.ts";

/** @throws {FathomError} invalid, when it is longer than `most` bytes: no more than that is held */
export async function readBounded(
  reply: Response,
  { most, what }: { most: number; what: string },
): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  const tooLong = () => new FathomError("invalid", `${what} is longer than ${most} bytes, which is refused`);
  if (Number(reply.headers.get("content-length") ?? 0) > most) {
    await reply.body?.cancel();
    throw tooLong();
  }
  for await (const piece of reply.body ?? []) {
    size += piece.length;
    if (size > most) throw tooLong();
    pieces.push(piece);
  }
  return Buffer.concat(pieces, size);
}

/** The pieces of a body. @throws {TransientError} when none comes for `stallMs`, or the connection breaks */
export async function* streamed(
  reply: Response,
  { url, stallMs, signal }: { url: URL; stallMs: number; signal: AbortSignal },
): AsyncGenerator<Uint8Array, void> {
  const reader = reply.body?.getReader();
  if (reader === undefined) return;
  try {
    for (;;) {
      const next = await beforeStall(reader.read(), stallMs, url).catch((cause: unknown) => {
        signal.throwIfAborted();
        throw cause instanceof FathomError ? cause : requestFailure(cause, { method: "GET", url });
      });
      if (next.done) return;
      yield next.value;
    }
  } finally {
    // A body that broke has nothing left to cancel.
    await reader.cancel().catch(() => undefined);
  }
}

async function beforeStall<T>(reading: Promise<T>, stallMs: number, url: URL): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(
      new TransientError(
        `GET ${url.origin}${url.pathname}: no byte came for ${Math.round(stallMs / 1000)} seconds`,
      ),
    );
  }, stallMs);
  try {
    return await Promise.race([reading, promise]);
  } finally {
    clearTimeout(timer);
  }
}
