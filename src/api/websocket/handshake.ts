/** The opening handshake, RFC 6455 section 4.2. */

import { createHash } from "node:crypto";
import { FathomError } from "../../std/errors.ts";

/** Section 1.3: what the server proves with it is that it knows the protocol. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const VERSION = "13";
const KEY = /^[A-Za-z0-9+/]{21}[AQgw]==$/;
const LOOPBACK = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/i;

/** The head of the answer that accepts a WebSocket. @throws {FathomError} invalid or forbidden, when the request is none that may be. */
export function acceptWebSocket(fields: ReadonlyMap<string, string>): string {
  const field = (name: string) => fields.get(name) ?? "";
  if (!hasToken(field("upgrade"), "websocket") || !hasToken(field("connection"), "upgrade"))
    throw invalid(
      "not a WebSocket handshake: the fields Upgrade: websocket and Connection: Upgrade are missing",
    );
  if (field("sec-websocket-version").trim() !== VERSION)
    throw invalid(`unsupported WebSocket version: the field Sec-WebSocket-Version must be ${VERSION}`);
  const key = field("sec-websocket-key").trim();
  if (!KEY.test(key)) throw invalid("the field Sec-WebSocket-Key must be 16 bytes in base64");
  checkOrigin(fields.get("origin"), field("host"));
  const accept = createHash("sha1").update(`${key}${GUID}`).digest("base64");
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}`;
}

/** Section 10.2. Clients that are no browsers name themselves at will, mostly localhost, which no page from elsewhere can. */
function checkOrigin(origin: string | undefined, host: string): void {
  if (origin === undefined) return;
  const from = /^https?:\/\/([^/]+)$/i.exec(origin.trim().replace(/\/$/, ""))?.[1];
  if (from !== undefined && (LOOPBACK.test(from) || from.toLowerCase() === host.trim().toLowerCase())) return;
  throw new FathomError("forbidden", `a page of ${origin} may not open a WebSocket here`);
}

function hasToken(list: string, token: string): boolean {
  return list.split(",").some((word) => word.trim().toLowerCase() === token);
}

function invalid(sentence: string): FathomError {
  return new FathomError("invalid", sentence);
}
