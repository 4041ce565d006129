/** A program's streams as what goes over a WebSocket's connection. */

import { Duplex } from "node:stream";
import { CLOSE, closeFrame, dataFrame, FrameError, FrameReader, pongFrame, type Said } from "./frames.ts";

/**
 * Reading gives frames with the program's output and a close frame behind it; what is written are a client's frames, whose data
 * becomes the program's input. A client's close frame is answered, and detaches.
 *
 * `text`: output goes out as text, where old clients expect that; what is not UTF-8 becomes U+FFFD.
 */
export function overWebSocket(program: Duplex, { text }: { text: boolean }): Duplex {
  const reader = new FrameReader();
  const encode = text ? asText() : (data: Uint8Array) => dataFrame(data, "binary");
  let isClosed = false;
  let isFull = false;
  /** The last ping that could not be answered at once: older ones need no answer, section 5.5.3. */
  let ping: Uint8Array | undefined;

  const close = (code: number): void => {
    if (isClosed) return;
    isClosed = true;
    frames.push(closeFrame(code));
    frames.push(null);
  };
  const take = (said: Said): boolean => {
    switch (said.type) {
      case "data":
        return program.destroyed || !program.writable || program.write(said.data);
      case "ping":
        if (isFull) ping = said.data;
        else isFull = !frames.push(pongFrame(said.data));
        return true;
      case "close":
        close(said.code);
        program.destroy();
        return true;
    }
  };
  const frames: Duplex = new Duplex({
    read: () => {
      isFull = false;
      const held = ping;
      ping = undefined;
      if (held !== undefined && !isClosed) isFull = !frames.push(pongFrame(held));
      if (!isFull) program.resume();
    },
    write: (chunk: Uint8Array, _encoding, done) => {
      if (isClosed) return done();
      let hasRoom = true;
      try {
        for (const said of reader.read(chunk)) hasRoom = take(said) && hasRoom;
      } catch (error) {
        close(error instanceof FrameError ? error.code : CLOSE.protocolError);
        program.destroy();
      }
      if (hasRoom || program.destroyed) return done();
      whenWritable(program, done);
    },
    final: (done) => {
      if (program.writable) program.end();
      done();
    },
    destroy: (error, done) => {
      program.destroy();
      done(error);
    },
  });
  program.on("data", (data: Uint8Array) => {
    const frame = encode(data);
    if (isClosed || frame === undefined) return;
    isFull = !frames.push(frame);
    if (isFull) program.pause();
  });
  // A stream that breaks has given all it will.
  for (const end of ["end", "error", "close"]) program.on(end, () => close(CLOSE.normal));
  program.pause();
  return frames;
}

/** Once, when there is room again or nobody to write to. */
function whenWritable(program: Duplex, done: () => void): void {
  const settle = (): void => {
    program.off("drain", settle);
    program.off("close", settle);
    done();
  };
  program.on("drain", settle);
  program.on("close", settle);
}

/** Pieces may end in the middle of a character, and messages may not. */
function asText(): (data: Uint8Array) => Uint8Array | undefined {
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  return (data) => {
    const text = decoder.decode(data, { stream: true });
    return text === "" ? undefined : dataFrame(encoder.encode(text), "text");
  };
}
