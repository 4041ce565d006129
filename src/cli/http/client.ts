/**
 * Requests to the daemon. Every request has a connection of its own, so that none waits for another; over a Unix socket one costs
 * a tenth of a millisecond. Paths carry no version: the daemon answers in its own.
 */

import { VERSION } from "../../std/version.ts";
import type { Choice } from "../endpoint.ts";
import { ConnectionError, DaemonError } from "../errors.ts";
import { type Connection, connect } from "./connection.ts";
import { type Reply, readReply } from "./reply.ts";

export interface RequestOptions {
  query?: Query;
  /** Sent as JSON. */
  json?: unknown;
  headers?: Readonly<Record<string, string>>;
  /** Sent in chunks as it comes. */
  stream?: AsyncIterable<Uint8Array>;
}

/** Values that are undefined or false are left out; true is sent as 1. */
export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** Both directions of an attached program. */
export interface Hijacked {
  connection: Connection;
  /** Its `content-type` is `application/vnd.docker.multiplexed-stream` where output is framed. */
  reply: Reply;
}

export interface Client {
  readonly choice: Choice;
  /** Sends a request and gives the answer, whose status is below 400. Throws DaemonError, ConnectionError. */
  send(method: string, path: string, options?: RequestOptions): Promise<Reply>;
  /** The answer as JSON. */
  json<T>(method: string, path: string, options?: RequestOptions): Promise<T>;
  /** For requests whose answer says nothing. Resolves to the status. */
  call(method: string, path: string, options?: RequestOptions): Promise<number>;
  /** A request that turns its connection into a raw stream, asked for as an upgrade. */
  hijack(path: string, options?: RequestOptions): Promise<Hijacked>;
  /** Closes every connection that is still open. */
  close(): void;
}

const ENCODER = new TextEncoder();

/** Makes a client. `start` is tried once when nobody answers; it resolves to true when somebody should now. */
export function createClient(choice: Choice, start: () => Promise<boolean>): Client {
  const connections: Connection[] = [];
  const open = async () => {
    const connection = await connectOrStart(choice, start);
    connections.push(connection);
    return connection;
  };
  const exchange = async (method: string, path: string, options: RequestOptions = {}) => {
    const connection = await open();
    const sent = writeRequest(connection, head(choice, { method, path, options, upgrade: false }), options);
    // A daemon may answer, and close, before it has read all of a body: its answer says more than our broken pipe.
    sent.catch(() => undefined);
    const reply = await readReply(connection, method);
    return await checked(reply);
  };
  return {
    choice,
    send: exchange,
    json: async (method, path, options) =>
      JSON.parse(await textOf((await exchange(method, path, options)).body)),
    call: async (method, path, options) => {
      const reply = await exchange(method, path, options);
      await textOf(reply.body);
      return reply.status;
    },
    hijack: async (path, options = {}) => {
      const connection = await open();
      await writeRequest(connection, head(choice, { method: "POST", path, options, upgrade: true }), options);
      const reply = await checked(await readReply(connection, "POST"));
      return { connection, reply };
    },
    close: () => {
      for (const connection of connections) connection.close();
    },
  };
}

async function connectOrStart({ endpoint }: Choice, start: () => Promise<boolean>): Promise<Connection> {
  try {
    return await connect(endpoint);
  } catch (error) {
    if (!(error instanceof ConnectionError) || !(await start())) throw error;
    return await connect(endpoint);
  }
}

/** The whole of a body as text. */
export async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(part);
  return Buffer.concat(parts).toString();
}

/** A path segment made of user input. Names of images keep their slashes, as the docker command sends them. */
export function segment(name: string): string {
  return encodeURIComponent(name).replaceAll("%2F", "/").replaceAll("%3A", ":").replaceAll("%40", "@");
}

interface Head {
  method: string;
  path: string;
  options: RequestOptions;
  upgrade: boolean;
}

function head(choice: Choice, { method, path, options, upgrade }: Head): string {
  const { endpoint } = choice;
  const host = endpoint.kind === "tcp" ? `${endpoint.host}:${endpoint.port}` : "fathom";
  const lines = [
    `${method} ${path}${queryText(options.query)} HTTP/1.1`,
    `Host: ${host}`,
    `User-Agent: Fathom/${VERSION} (linux)`,
    upgrade ? "Connection: Upgrade\r\nUpgrade: tcp" : "Connection: close",
  ];
  for (const [name, value] of Object.entries(options.headers ?? {})) lines.push(`${name}: ${value}`);
  if (options.stream) lines.push("Content-Type: application/x-tar", "Transfer-Encoding: chunked");
  else if (options.json !== undefined) lines.push("Content-Type: application/json");
  return lines.join("\r\n");
}

function queryText(query: Query = {}): string {
  const pairs = Object.entries(query).flatMap(([name, value]) => {
    if (value === undefined || value === false) return [];
    const values = typeof value === "object" ? value : [value === true ? "1" : String(value)];
    return values.map((text) => `${name}=${encodeURIComponent(text)}`);
  });
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}

async function writeRequest(connection: Connection, lines: string, options: RequestOptions): Promise<void> {
  if (options.stream) {
    await connection.write(ENCODER.encode(`${lines}\r\n\r\n`));
    return await writeChunks(connection, options.stream);
  }
  const body = options.json === undefined ? "" : JSON.stringify(options.json);
  const length = Buffer.byteLength(body);
  await connection.write(ENCODER.encode(`${lines}\r\nContent-Length: ${length}\r\n\r\n${body}`));
}

async function writeChunks(connection: Connection, stream: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of stream) {
    if (chunk.length === 0) continue;
    await connection.write(ENCODER.encode(`${chunk.length.toString(16)}\r\n`));
    await connection.write(chunk);
    await connection.write(ENCODER.encode("\r\n"));
  }
  await connection.write(ENCODER.encode("0\r\n\r\n"));
}

/** Turns an error's status into a DaemonError with the daemon's own sentence. */
async function checked(reply: Reply): Promise<Reply> {
  if (reply.status < 400) return reply;
  const text = await textOf(reply.body);
  throw new DaemonError(reply.status, messageIn(text) ?? `status ${reply.status}`);
}

function messageIn(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && "message" in value) return String(value.message);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return text.trim() || undefined;
}
