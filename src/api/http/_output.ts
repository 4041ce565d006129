/** The writing side of a connection. */

import type { Socket } from "node:net";
import type { Writable } from "node:stream";

/** How long a peer that will be cut off may still take to read the last answer, in milliseconds. */
const LINGER_MS = 2_000;

/** Writes, and waits while the stream's buffer is full. False when nobody is there to read any more. */
export function write(stream: Writable, data: Uint8Array | string): Promise<boolean> | boolean {
  if (stream.destroyed || !stream.writable) return false;
  return stream.write(data) || drained(stream);
}

/** Resolves when `stream` takes more, true, or is closed, false. */
export function drained(stream: Writable): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = () => {
      stream.off("drain", settle);
      stream.off("close", settle);
      resolve(!stream.destroyed);
    };
    stream.on("drain", settle);
    stream.on("close", settle);
  });
}

/**
 * Ends the connection so that the peer can still read all that was written: closing at once while its bytes lie unread
 * here would reset the connection and throw our answer away (RFC 9112 section 9.6). What still comes is discarded.
 */
export function lingerAndClose(socket: Socket): void {
  if (socket.destroyed) return;
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  timer.unref();
  socket.once("close", () => clearTimeout(timer));
  socket.end();
  socket.removeAllListeners("data");
  socket.on("data", () => undefined);
  if (socket.readableEnded) socket.destroySoon();
  else socket.once("end", () => socket.destroySoon());
  socket.resume();
}
