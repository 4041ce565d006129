/** Copies between our standard streams and an attached program's. */

import type { Hijacked } from "./http/client.ts";
import type { Connection } from "./http/connection.ts";
import { writeTo } from "./output.ts";

const FRAME_HEADER = 8;
const STDERR = 2;
const SYSTEM_ERROR = 3;

/** Copies output until the program's end: raw from a terminal, else frames of stdout and stderr. */
export async function copyOutput(connection: Connection, tty: boolean): Promise<void> {
  const source = { [Symbol.asyncIterator]: () => chunks(connection) };
  if (tty) await copyRaw(source);
  else await copyFrames(source);
}

/** Copies bytes as they are to standard output. */
export async function copyRaw(source: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const bytes of source) await writeTo("stdout", bytes);
}

/**
 * Takes Docker's multiplexed stream apart: frames of `{stream, 0, 0, 0, length as four bytes, big-endian}` and content. Frames are cut
 * anywhere by the transport; content goes on as it comes, nothing but headers is gathered. Throws when a frame carries an error.
 */
export async function copyFrames(source: AsyncIterable<Uint8Array>): Promise<void> {
  const header = new Uint8Array(FRAME_HEADER);
  const view = new DataView(header.buffer);
  let filled = 0;
  let left = 0;
  for await (const bytes of source) {
    let at = 0;
    while (at < bytes.length) {
      if (left === 0) {
        const part = bytes.subarray(at, at + FRAME_HEADER - filled);
        header.set(part, filled);
        filled += part.length;
        at += part.length;
        if (filled < FRAME_HEADER) break;
        filled = 0;
        left = view.getUint32(4);
        continue;
      }
      const content = bytes.subarray(at, at + left);
      at += content.length;
      left -= content.length;
      await writeFrame(header[0] ?? 0, content);
    }
  }
}

function writeFrame(stream: number, content: Uint8Array): Promise<void> | undefined {
  if (stream === SYSTEM_ERROR)
    throw new Error(`error from daemon in stream: ${new TextDecoder().decode(content)}`);
  return writeTo(stream === STDERR ? "stderr" : "stdout", content);
}

async function* chunks(connection: Connection): AsyncGenerator<Uint8Array, void> {
  for (let bytes = await connection.read(); bytes; bytes = await connection.read()) yield bytes;
}

/** Standard input on its way to a program. */
export interface InputCopy {
  /** Stops reading, so that the process can end while the terminal stays open. */
  stop(): Promise<void>;
}

/** Copies standard input until its end, then closes the program's. */
export function startInput({ connection }: Hijacked): InputCopy {
  const reader = Bun.stdin.stream().getReader();
  const copy = async () => {
    for (let part = await reader.read(); !part.done; part = await reader.read())
      await connection.write(part.value);
    connection.closeWrite();
  };
  // When the program ends first, writing to it fails, and its end is the news, not our broken pipe.
  copy().catch(() => undefined);
  return { stop: () => reader.cancel() };
}
