/** A connection that has stopped being HTTP: both directions joined with another stream's, half-closes included. */

import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Input } from "./_input.ts";
import { lingerAndClose, write } from "./_output.ts";

/**
 * Copies `stream`'s output to the peer and the peer's bytes to `stream`, with back-pressure on both sides. The peer's
 * half-close ends `stream`'s writable side only. When `stream`'s output ends the connection is closed; when the peer is
 * gone `stream` is destroyed. `last` gives what the peer gets behind all output. Never rejects: a broken stream ends the session as its normal end does.
 */
export async function joinStreams(
  connection: { socket: Socket; input: Input },
  stream: Duplex,
  last?: () => Promise<Uint8Array>,
): Promise<void> {
  const { socket, input } = connection;
  const leave = () => stream.destroy();
  // The iteration below ends with the stream's error; without a listener a late one would end the process.
  stream.on("error", leave);
  socket.once("close", leave);
  if (socket.destroyed) leave();
  const feeding = feed(input, stream);
  await copyOut(stream, socket);
  if (last !== undefined && !socket.destroyed) await write(socket, await last());
  leave();
  lingerAndClose(socket);
  await feeding;
}

async function copyOut(stream: Duplex, socket: Socket): Promise<void> {
  try {
    for await (const chunk of stream) {
      if (!(await write(socket, chunk))) return;
    }
  } catch {
    // A stream that breaks has given all it will: the session ends, as it does behind the last byte.
    return;
  }
}

async function feed(input: Input, stream: Duplex): Promise<void> {
  for (;;) {
    const chunk = await input.read();
    if (chunk === undefined) break;
    if (!(await write(stream, chunk))) return;
  }
  if (!stream.destroyed && stream.writable) stream.end();
}
