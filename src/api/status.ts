/** Kinds of errors to HTTP statuses: the only place that knows both. */

import { type ErrorKind, kindOf } from "../std/errors.ts";
import { ProtocolError } from "./http/mod.ts";

/** The status that answers anything that was thrown. */
export function statusOf(error: unknown): number {
  return error instanceof ProtocolError ? error.status : statusOfKind(kindOf(error));
}

function statusOfKind(kind: ErrorKind): number {
  switch (kind) {
    case "not-modified":
      return 304;
    case "invalid":
      return 400;
    case "unauthorized":
      return 401;
    case "forbidden":
      return 403;
    case "not-found":
      return 404;
    case "conflict":
      return 409;
    case "internal":
      return 500;
    case "unsupported":
      return 501;
    case "unavailable":
      return 503;
  }
}
