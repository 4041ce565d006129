/**
 * WebSockets, RFC 6455, as far as attaching to a program over one needs them.
 *
 * Owns: the opening handshake (handshake.ts), frames in both directions (frames.ts), and the joining of a socket's frames with a
 * program's streams (stream.ts). Does not own: the connection, which api/http hands over, or whom to attach to.
 *
 * Invariants:
 * - Whatever a client sends, no more of it is held in memory than one header and one control frame: data is passed on as it comes.
 * - A client that breaks the protocol is told by a close frame with the status of section 7.4.1, and is cut off.
 * - A client of a browser page from elsewhere is refused: browsers let any page open a WebSocket to any address.
 */

export { acceptWebSocket } from "./handshake.ts";
export { overWebSocket } from "./stream.ts";
