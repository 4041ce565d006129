/** Copies between our standard streams and an attached program's. */

import { demultiplexer } from "../std/stdcopy.ts";
import { CommandError } from "./errors.ts";
import type { Hijacked } from "./http/client.ts";
import type { Connection } from "./http/connection.ts";
import { writeTo } from "./output.ts";

const DECODER = new TextDecoder();

/**
 * Copies output until the program's end: raw from a terminal, else frames of stdout and stderr. Gives the exit code where the last
 * frame tells it.
 */
export async function copyOutput(connection: Connection, tty: boolean): Promise<number | undefined> {
  const source = { [Symbol.asyncIterator]: () => chunks(connection) };
  if (!tty) return await copyFrames(source);
  await copyRaw(source);
  return undefined;
}

/** Copies bytes as they are to standard output. */
export async function copyRaw(source: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const bytes of source) await writeTo("stdout", bytes);
}

/** Takes Docker's multiplexed stream apart. Throws when a frame carries an error of the engine. */
export async function copyFrames(source: AsyncIterable<Uint8Array>): Promise<number | undefined> {
  let written: Promise<void> | undefined;
  let exit = "";
  const demultiplex = demultiplexer((stream, content) => {
    if (stream === "systemerr")
      throw new CommandError(`Error response from daemon: ${DECODER.decode(content)}`);
    if (stream === "exit") exit += DECODER.decode(content);
    else written = writeTo(stream === "stderr" ? "stderr" : "stdout", content) ?? written;
  });
  for await (const bytes of source) {
    demultiplex(bytes);
    await written;
    written = undefined;
  }
  return exit === "" ? undefined : Number(exit);
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
