/**
 * HTTP/1.1 on plain sockets: the wire under the API.
 *
 * Owns: request heads and bodies, keep-alive, answers whole and streamed, and handing a connection over ("hijacking").
 * Does not own: listening, routes, JSON, what any status means.
 *
 * Why not node:http: on Bun it cannot give a connection away behind a status of 200, which the first Docker clients
 * need, it withholds the bytes that came behind an Upgrade request, and it is a third as fast.
 *
 * Invariants:
 * - A request is answered before the next one on its connection is read.
 * - Whatever a second reader could understand differently is refused, and the connection closed (see _head.ts).
 * - No more than half a MiB of a peer's bytes waits in memory; a slow reader holds its writer back.
 * - An answer that could not be finished never looks finished: the connection is cut instead.
 * - A packet's borders mean nothing: every split of the same bytes has the same result.
 */

import type { Socket } from "node:net";
import { Connection, type ConnectionOptions } from "./_connection.ts";

export type { HttpRequest } from "./_connection.ts";
export type { Fields, Reply } from "./_reply.ts";
export { ProtocolError } from "./error.ts";

/** Connections being served. */
export interface HttpServer {
  /** Serves a socket of a server with `allowHalfOpen`, until it is closed. */
  accept(socket: Socket): void;
  /**
   * Takes no more requests, ends what only waits or watches, and resolves when every answer under way is complete, or
   * `graceMs` milliseconds later, when the rest is cut.
   */
  close(graceMs: number): Promise<void>;
}

export interface HttpServerOptions extends Omit<ConnectionOptions, "commonFields"> {
  /** Fields of every answer. */
  fields: Readonly<Record<string, string>>;
}

export function createHttpServer(options: HttpServerOptions): HttpServer {
  const open = new Map<Connection, Promise<void>>();
  const commonFields = Object.entries(options.fields)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");
  return {
    accept(socket) {
      const connection = new Connection(socket, { ...options, commonFields });
      open.set(
        connection,
        connection.run().finally(() => open.delete(connection)),
      );
    },
    async close(graceMs) {
      const ended = Promise.all(open.values());
      for (const connection of open.keys()) connection.close();
      const timer = setTimeout(() => {
        for (const connection of open.keys()) connection.destroy();
      }, graceMs);
      await ended;
      clearTimeout(timer);
    },
  };
}
