/** Paths to handlers: one table, any version before every pattern. */

import { FathomError } from "../std/errors.ts";
import { API_VERSION } from "../std/version.ts";
import { type HttpRequest, ProtocolError } from "./http/mod.ts";
import type { ApiRequest, Handler, Route } from "./route.ts";
import { checkVersion } from "./version.ts";

/** A pattern's parts: a word that must be there, a name for one segment, or a name for one or more. */
type Part = { word: string } | { name: string; many: boolean };

interface CompiledRoute {
  parts: Part[];
  handler: Handler;
}

/** A request's route, and the request as that route reads it. */
interface Match {
  handler: Handler;
  request: ApiRequest;
}

export type Router = (http: HttpRequest) => Match;

const VERSION_SEGMENT = /^v([0-9]{1,9}(?:\.[0-9]{1,9}){0,3})$/;

/** Builds the table. A router throws `not-found` for an unknown page and `invalid` for a version that is not spoken. */
export function createRouter(routes: Route[]): Router {
  const table = new Map<string, CompiledRoute[]>();
  for (const route of routes) {
    const parts = compile(route.pattern);
    const key = tableKey(route.method, "word" in (parts[0] ?? {}) ? route.pattern.split("/")[1] : undefined);
    const row = table.get(key) ?? [];
    row.push({ parts, handler: route.handler });
    table.set(key, row);
  }
  return (http) => find(table, http);
}

/** The version that a target asks for, without looking for its route. */
export function versionOf(target: string): string {
  return VERSION_SEGMENT.exec(target.split("/", 2)[1] ?? "")?.[1] ?? API_VERSION;
}

function find(table: Map<string, CompiledRoute[]>, http: HttpRequest): Match {
  const mark = http.target.indexOf("?");
  const path = decodePath(mark < 0 ? http.target : http.target.slice(0, mark));
  const segments = path.split("/").slice(1);
  const version = VERSION_SEGMENT.exec(segments[0] ?? "")?.[1];
  if (version !== undefined) segments.shift();
  for (const { parts, handler } of table.get(tableKey(http.method, segments[0])) ?? []) {
    const params = matchParts(parts, segments);
    if (params === undefined) continue;
    if (version !== undefined) checkVersion(version);
    const query = new URLSearchParams(mark < 0 ? "" : http.target.slice(mark + 1));
    return { handler, request: { params, query, version: version ?? API_VERSION, http } };
  }
  throw new FathomError("not-found", "page not found");
}

/** Every pattern begins with a word, which with the method leaves a handful of routes to try. */
function tableKey(method: string, firstWord: string | undefined): string {
  return `${method} ${firstWord ?? ""}`;
}

function compile(pattern: string): Part[] {
  return pattern
    .split("/")
    .slice(1)
    .map((part) => {
      const [, name, star] = /^\{(\w+)(\*?)\}$/.exec(part) ?? [];
      return name === undefined ? { word: part } : { name, many: star === "*" };
    });
}

/** The named parts, or undefined when the segments are not the pattern's. At most one part of a pattern takes many. */
function matchParts(parts: Part[], segments: string[]): Record<string, string> | undefined {
  const spare = segments.length - parts.length;
  if (spare < 0) return undefined;
  const params: Record<string, string> = {};
  let at = 0;
  for (const part of parts) {
    const width = "name" in part && part.many ? spare + 1 : 1;
    const value = segments.slice(at, at + width).join("/");
    if ("word" in part ? value !== part.word : value === "") return undefined;
    if ("name" in part) params[part.name] = value;
    at += width;
  }
  return at === segments.length ? params : undefined;
}

/** Decoded as a whole before it is cut, as Go does it: `%2F` in an image's name is a slash. */
function decodePath(path: string): string {
  if (!path.startsWith("/"))
    throw new ProtocolError(400, "malformed request target: it must begin with a slash");
  if (!path.includes("%")) return path;
  let decoded: string;
  try {
    decoded = decodeURIComponent(path);
  } catch (cause) {
    throw new FathomError("invalid", `invalid URL escape in ${JSON.stringify(path)}`, { cause });
  }
  if (decoded.includes("\0")) throw new FathomError("invalid", "invalid URL escape: NUL in the path");
  return decoded;
}
