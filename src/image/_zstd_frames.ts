/**
 * Tells whether a zstd stream has come to its end, which Bun's decompressor does not: one that is cut short ends there as if that were
 * all. Only lengths are read; what they enclose is passed over.
 *
 * Source: RFC 8878, sections 3.1.1 (frames and blocks) and 3.1.2 (skippable frames).
 */

export interface FrameWatch {
  push(chunk: Uint8Array): void;
  /** Whether what came so far is frames that have all ended. */
  isWhole(): boolean;
}

const SKIPPABLE = 0x184d2a5;
const RLE = 1;

/** Waits for so many bytes, and goes on with them; with none where they are to be passed over (a negative number). */
type Routine = Generator<number, void, Uint8Array>;

export function frameWatch(): FrameWatch {
  const state = { between: true };
  const routine = frames(state);
  let wanted = routine.next().value ?? 0;
  let held = new Uint8Array(0);
  const advance = (bytes: Uint8Array): void => {
    wanted = routine.next(bytes).value ?? 0;
  };
  return {
    push(chunk) {
      for (let at = 0; at < chunk.length; ) {
        if (wanted < 0) {
          const passed = Math.min(-wanted, chunk.length - at);
          wanted += passed;
          at += passed;
          if (wanted === 0) advance(held);
          continue;
        }
        const taken = chunk.subarray(at, at + wanted - held.length);
        at += taken.length;
        held = Buffer.concat([held, taken]);
        if (held.length < wanted) continue;
        const whole = held;
        held = new Uint8Array(0);
        advance(whole);
      }
    },
    isWhole: () => state.between && held.length === 0,
  };
}

function* frames(state: { between: boolean }): Routine {
  for (;;) {
    state.between = true;
    const magic = littleEndian(yield 4);
    state.between = false;
    if (Math.floor(magic / 16) === SKIPPABLE) yield* skip(littleEndian(yield 4));
    else yield* frame();
  }
}

function* frame(): Routine {
  const [descriptor = 0] = yield 1;
  const isSingle = (descriptor & 0x20) !== 0;
  const dictionary = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const size = [isSingle ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  yield* skip((isSingle ? 0 : 1) + dictionary + size);
  for (let isLast = false; !isLast; ) {
    const header = littleEndian(yield 3);
    isLast = (header & 1) !== 0;
    const length = header >> 3;
    yield* skip(((header >> 1) & 3) === RLE ? 1 : length);
  }
  if ((descriptor & 4) !== 0) yield* skip(4);
}

function* skip(length: number): Routine {
  if (length > 0) yield -length;
}

function littleEndian(bytes: Uint8Array): number {
  return bytes.reduceRight((value, byte) => value * 256 + byte, 0);
}
