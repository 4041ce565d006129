/** Cuts output into records: a line each, or 16 KiB of one that is longer. Docker's sizes. */

import { characterBoundary } from "../std/utf8.ts";
import { MOST_OF_LINE, UnfinishedLine } from "./_unfinished.ts";

export type OutputStream = "stdout" | "stderr";

/** Part of a line, without its newline, and whether it holds the line's end. Valid while it is taken. */
export interface Piece {
  bytes: Uint8Array;
  from: number;
  to: number;
  ended: boolean;
}

const NEWLINE = 10;

type Take = (piece: Piece) => void;

/** Both streams of a program, with the lines that they have begun. */
export class Pieces {
  readonly #unfinished = { stdout: new UnfinishedLine(), stderr: new UnfinishedLine() };

  /** The line that a stream has begun. Valid until the next change. */
  unfinished(stream: OutputStream): Uint8Array {
    return this.#unfinished[stream].bytes;
  }

  /** Gives every record that is complete with `chunk`; the rest waits for the next. */
  cut(stream: OutputStream, chunk: Uint8Array, take: Take): void {
    const line = this.#unfinished[stream];
    let from = line.length === 0 ? 0 : complete(line, chunk, take);
    while (from < chunk.length) {
      const newline = chunk.indexOf(NEWLINE, from);
      const end = newline < 0 ? chunk.length : newline;
      if (end - from >= MOST_OF_LINE) {
        const cut = characterBoundary(chunk, from + MOST_OF_LINE);
        take({ bytes: chunk, from, to: cut, ended: false });
        from = cut;
      } else if (newline < 0) {
        line.append(chunk.subarray(from));
        break;
      } else {
        take({ bytes: chunk, from, to: newline, ended: true });
        from = newline + 1;
      }
    }
  }

  /** Gives the line that a stream has begun, for its end. */
  end(stream: OutputStream, take: Take): void {
    const line = this.#unfinished[stream];
    if (line.length > 0) take({ bytes: line.bytes, from: 0, to: line.length, ended: false });
    line.clear();
  }
}

/** Goes on with a line begun earlier; gives the index in `chunk` behind what it took. */
function complete(line: UnfinishedLine, chunk: Uint8Array, take: Take): number {
  const room = MOST_OF_LINE - line.length;
  const newline = chunk.subarray(0, room).indexOf(NEWLINE);
  const taken = newline < 0 ? Math.min(room, chunk.length) : newline;
  line.append(chunk.subarray(0, taken));
  if (newline >= 0) {
    take({ bytes: line.bytes, from: 0, to: line.length, ended: true });
    line.clear();
    return newline + 1;
  }
  if (line.length < MOST_OF_LINE) return taken;
  const cut = characterBoundary(line.bytes, line.length);
  take({ bytes: line.bytes, from: 0, to: cut, ended: false });
  line.keepFrom(cut);
  return line.length === 0 ? taken : taken + complete(line, chunk.subarray(taken), take);
}
