/** Output for clients from before API 1.6, which know no frames and show whatever they get. */

import { Duplex } from "node:stream";
import { demultiplexer } from "../std/stdcopy.ts";

/** The same stream with its output as the program wrote it, standard output and error in one. Input passes as it is. */
export function withoutFrames(framed: Duplex): Duplex {
  const plain: Duplex = new Duplex({
    read: () => void framed.resume(),
    write: (chunk, _encoding, done) => void framed.write(chunk, done),
    final: (done) => void framed.end(done),
    destroy: (error, done) => {
      framed.destroy();
      done(error);
    },
  });
  const demultiplex = demultiplexer((_, bytes) => {
    if (!plain.push(bytes)) framed.pause();
  });
  framed.on("data", (chunk: Uint8Array) => {
    try {
      demultiplex(chunk);
    } catch (error) {
      plain.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  });
  framed.on("end", () => plain.push(null));
  framed.on("error", (error) => plain.destroy(error));
  framed.on("close", () => {
    if (!framed.readableEnded) plain.destroy();
  });
  framed.pause();
  return plain;
}
