/** What a route is, and what its handler is given. */

import { FathomError } from "../std/errors.ts";
import type { Shape } from "../std/shape.ts";
import { type HttpRequest, ProtocolError } from "./http/mod.ts";
import type { Respond } from "./respond.ts";

/** A request that has found its route. */
export interface ApiRequest {
  /** The path's parts named in the route's pattern, decoded. */
  params: Readonly<Record<string, string>>;
  query: URLSearchParams;
  /** The API version asked for, `1.51` when the path names none. */
  version: string;
  http: HttpRequest;
}

export type Handler = (request: ApiRequest, respond: Respond) => Promise<void>;

export interface Route {
  method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  /** `/images/{name*}/json`: a name in braces is one segment, with a star one or more. */
  pattern: string;
  handler: Handler;
  /** All that it answers is that the engine does not have this yet. */
  notYet?: boolean;
}

/** Bytes of a JSON body. */
const JSON_LIMIT = 16 * 1024 * 1024;

/** A named part of the path, which the pattern has to have. */
export function param(request: ApiRequest, name: string): string {
  const value = request.params[name];
  if (value === undefined) throw new Error(`the route has no part named ${name}`);
  return value;
}

/** The body as JSON of a shape, or undefined when there is none. Wording as Docker's. */
export async function readJson<T>(request: ApiRequest, shape: Shape<T>): Promise<T | undefined> {
  const { body, fields } = request.http;
  if (body.length === 0) return undefined;
  requireJsonType(fields.get("content-type"));
  const bytes = await readAll(request.http);
  if (bytes.length === 0) return undefined;
  const value = parseJson(bytes.toString("utf8"));
  return value === null ? shape.zero() : shape.check(value, "");
}

/** As `readJson`, for requests that mean nothing without a body. */
export async function requireJson<T>(request: ApiRequest, shape: Shape<T>): Promise<T> {
  const value = await readJson(request, shape);
  if (value === undefined) {
    throw new FathomError("invalid", "invalid JSON: got EOF while reading request body");
  }
  return value;
}

async function readAll(http: HttpRequest): Promise<Buffer> {
  const tooLarge = new ProtocolError(
    413,
    `the request's body is too large: at most ${JSON_LIMIT} bytes of JSON are read`,
  );
  if ((http.body.length ?? 0) > JSON_LIMIT) throw tooLarge;
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of http.body) {
    size += piece.length;
    if (size > JSON_LIMIT) throw tooLarge;
    pieces.push(piece);
  }
  return Buffer.concat(pieces, size);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.replace(/^JSON Parse error: /, "") : String(cause);
    throw new FathomError("invalid", `invalid JSON: ${reason}`, { cause });
  }
}

function requireJsonType(contentType = ""): void {
  const type = contentType.split(";", 1)[0]?.trim().toLowerCase();
  if (type === "application/json") return;
  throw new FathomError(
    "invalid",
    `unsupported Content-Type header (${contentType}): must be 'application/json'`,
  );
}
