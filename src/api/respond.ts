/** The ways to answer an API request. */

import type { Duplex } from "node:stream";
import type { Fields, Reply } from "./http/mod.ts";

/** Given to every handler; exactly one of its functions is called. Each resolves when the answer is complete. */
export interface Respond {
  /** A value as JSON; 200 unless told. */
  json(value: unknown, status?: number): Promise<void>;
  /** No body. */
  empty(status: 200 | 201 | 204, fields?: Fields): Promise<void>;
  text(body: string, fields?: Fields): Promise<void>;
  /** Status 200 at once, then every piece as it comes. */
  stream(contentType: string, source: AsyncIterable<Uint8Array | string>, fields?: Fields): Promise<void>;
  /** Gives the connection to an attached program. */
  hijack(stream: Duplex, options: HijackOptions): Promise<void>;
  /** Gives the connection to another protocol, behind a head of its own. */
  switchTo(head: string, stream: Duplex): Promise<void>;
}

export interface HijackOptions {
  /** Output is multiplexed, and the client may be told so. */
  framed: boolean;
  fields?: Fields;
  /** What is sent behind all output. */
  last?: () => Promise<Uint8Array>;
}

const JSON_TYPE = "application/json";
export const RAW_STREAM = "application/vnd.docker.raw-stream";
export const MULTIPLEXED_STREAM = "application/vnd.docker.multiplexed-stream";

/** `upgrade`: the client asked for a protocol upgrade. `knowsFraming`: its API version knows the multiplexed type's name. */
export function respondWith(reply: Reply, client: { upgrade: boolean; knowsFraming: boolean }): Respond {
  return {
    json: (value, status = 200) =>
      reply.send(status, { "Content-Type": JSON_TYPE }, `${JSON.stringify(value)}\n`),
    empty: (status, fields = {}) => reply.send(status, fields),
    text: (body, fields = {}) =>
      reply.send(200, { "Content-Type": "text/plain; charset=utf-8", ...fields }, body),
    stream: (contentType, source, fields = {}) =>
      reply.stream(200, { "Content-Type": contentType, ...fields }, source),
    switchTo: (head, stream) => reply.hijack(head, stream),
    hijack: (stream, { framed, fields = {}, last }) => {
      const type = client.upgrade && framed && client.knowsFraming ? MULTIPLEXED_STREAM : RAW_STREAM;
      const lines = [
        client.upgrade ? "HTTP/1.1 101 UPGRADED" : "HTTP/1.1 200 OK",
        `Content-Type: ${type}`,
        ...(client.upgrade ? ["Connection: Upgrade", "Upgrade: tcp"] : []),
        ...Object.entries(fields).map(([name, value]) => `${name}: ${value}`),
      ];
      return reply.hijack(lines.join("\r\n"), stream, last);
    },
  };
}
