/**
 * Request heads: where one ends, what it says, how long the body behind it is. Pure functions over bytes.
 *
 * Strict where leniency lets two readers see two different requests (RFC 9112 sections 2.2, 5.1, 5.2, 6.1 and 6.3): a
 * bare LF or CR, a folded line, a space before the colon, two lengths, or a length beside a transfer coding is refused,
 * never repaired.
 */

import { ProtocolError } from "./error.ts";

/** A request's first part. Field names are in lower case; a field given twice has its values joined by `, `. */
export interface Head {
  method: string;
  /** The request target as sent, percent-encoded. */
  target: string;
  /** HTTP/1.0 or HTTP/1.1. */
  minor: 0 | 1;
  fields: ReadonlyMap<string, string>;
}

/** How the end of a request's body is found. Without either header a request has none (RFC 9112 section 6.3). */
export type Framing = { kind: "length"; length: number } | { kind: "chunked" };

/** Bytes of request line and fields together. */
export const HEAD_LIMIT = 256 * 1024;
const FIELD_COUNT_LIMIT = 256;

const CR = 13;
const LF = 10;
/** Sticky and unambiguous at every step, so that they run in linear time over whatever they are given. */
const REQUEST_LINE = /([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e]+) HTTP\/(\d)\.(\d)\r\n/y;
const FIELD_LINE =
  /([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*((?:[\x21-\x7e\x80-\xff][\t\x20-\x7e\x80-\xff]*)?)\r\n/y;
/** Fields of which a second one could be read in two ways. */
const SINGLE = new Set(["host", "content-length", "transfer-encoding"]);

/**
 * Index just behind the empty line that ends the head in `bytes`, or -1 when it has not come yet. Search begins at
 * `from`, so that a head in many packets is looked through once. A head that starts with an empty line ends at 2.
 */
export function endOfHead(bytes: Buffer, from: number): number {
  for (let at = bytes.indexOf(LF, from); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (bytes[at - 1] !== CR) throw new ProtocolError(400, "malformed HTTP request: a line ends without CR");
    if (at === 1 || (bytes[at - 2] === LF && bytes[at - 3] === CR)) return at + 1;
  }
  return -1;
}

/** Reads a head: `text` is its bytes as Latin-1, the empty line included. Throws a ProtocolError. */
export function parseHead(text: string): Head {
  REQUEST_LINE.lastIndex = 0;
  const line = REQUEST_LINE.exec(text);
  // By index: taking an array apart by a pattern runs its iterator, which this path can do without.
  const method = line?.[1];
  const target = line?.[2];
  const major = line?.[3];
  const minor = line?.[4];
  if (method === undefined || target === undefined)
    throw new ProtocolError(400, "malformed HTTP request line");
  if (major !== "1") throw new ProtocolError(505, `HTTP version ${major}.${minor} is not supported`);
  const fields = parseFields(text, REQUEST_LINE.lastIndex);
  if (minor !== "0" && !fields.has("host")) throw new ProtocolError(400, "missing required Host header");
  return { method, target, minor: minor === "0" ? 0 : 1, fields };
}

/** Reads field lines from `start` to the empty line that ends `text`. Trailers obey the same grammar. */
export function parseFields(text: string, start: number): Map<string, string> {
  const fields = new Map<string, string>();
  const end = text.length - 2;
  FIELD_LINE.lastIndex = start;
  for (let count = 0; FIELD_LINE.lastIndex < end; count++) {
    if (count === FIELD_COUNT_LIMIT) throw new ProtocolError(431, "too many header fields in the request");
    const line = FIELD_LINE.exec(text);
    const name = line?.[1];
    const value = line?.[2];
    if (name === undefined || value === undefined)
      throw new ProtocolError(400, "malformed HTTP header field");
    addField(fields, name.toLowerCase(), value);
  }
  return fields;
}

function addField(fields: Map<string, string>, name: string, rawValue: string): void {
  const value = trimEnd(rawValue);
  const earlier = fields.get(name);
  if (earlier === undefined) fields.set(name, value);
  else if (SINGLE.has(name)) throw new ProtocolError(400, `more than one ${name} header`);
  else fields.set(name, `${earlier}, ${value}`);
}

/** How the body is delimited. Throws for every combination that leaves room for doubt. */
export function framingOf(head: Head): Framing {
  const coding = head.fields.get("transfer-encoding");
  const length = head.fields.get("content-length");
  if (coding !== undefined) {
    if (length !== undefined)
      throw new ProtocolError(400, "both Content-Length and Transfer-Encoding are given");
    if (head.minor === 0) throw new ProtocolError(400, "HTTP/1.0 has no Transfer-Encoding");
    if (coding.toLowerCase() !== "chunked") {
      throw new ProtocolError(
        501,
        `unsupported transfer encoding ${JSON.stringify(coding)}: only chunked is known`,
      );
    }
    return { kind: "chunked" };
  }
  if (length === undefined) return { kind: "length", length: 0 };
  if (!/^\d{1,15}$/.test(length))
    throw new ProtocolError(400, `bad Content-Length ${JSON.stringify(length)}`);
  return { kind: "length", length: Number(length) };
}

/** Whether a comma-separated field such as Connection names `token`. */
export function listHas(field: string | undefined, token: string): boolean {
  if (field === undefined) return false;
  return field.split(",").some((part) => part.trim().toLowerCase() === token);
}

/** Without the blanks at the end. By hand: a regular expression would take quadratic time here. */
function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isBlank(text.charCodeAt(end - 1))) end--;
  return end === text.length ? text : text.slice(0, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
