/** What can go wrong with a registry, in words; and whether trying again may help. */

import { type ErrorKind, FathomError, messageOf } from "../std/errors.ts";

/** A failure that a later try may not meet. */
export class TransientError extends FathomError {
  /** Milliseconds that the registry asks us to wait. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, options: ErrorOptions & { retryAfterMs?: number | undefined } = {}) {
    super("unavailable", message, options);
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** The server does not speak TLS: what an insecure registry is tried without TLS for. */
export class PlainServerError extends FathomError {}

const CERTIFICATE_ERRORS: Readonly<Record<string, string>> = {
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate is signed by an authority that is not known here",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is signed by itself alone",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate is signed by an authority that is not known here",
  UNABLE_TO_GET_ISSUER_CERT: "its certificate is signed by an authority that is not known here",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its certificate is signed by an authority that is not known here",
  CERT_HAS_EXPIRED: "its certificate has expired",
  CERT_NOT_YET_VALID: "its certificate is not valid yet: is this host's clock right?",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another name",
};

/** The words for a request that got no answer. `url` is shown without its query, which may hold tokens. */
export function requestFailure(cause: unknown, request: { method: string; url: URL }): FathomError {
  const { method, url } = request;
  const what = `${method} ${url.origin}${url.pathname}`;
  const code = String((cause as { code?: unknown } | null)?.code ?? "");
  const certificate = CERTIFICATE_ERRORS[code];
  if (certificate !== undefined) {
    return new FathomError(
      "unavailable",
      `${what}: tls: failed to verify the certificate of ${url.host}: ${certificate}. ` +
        `Put its authority's certificate into /etc/docker/certs.d/${url.host}/ca.crt, or name the registry in insecure-registries`,
      { cause },
    );
  }
  switch (code) {
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return new FathomError("unavailable", `${what}: lookup ${url.hostname}: no such host`, { cause });
    case "ECONNREFUSED":
      return new TransientError(`${what}: connect to ${url.host}: connection refused`, { cause });
    case "EPROTO":
      return new PlainServerError("unavailable", `${what}: the TLS handshake failed: ${plainHint(url)}`, {
        cause,
      });
    case "Malformed_HTTP_Response":
      return new FathomError("unavailable", `${what}: the answer is not HTTP, or its header is too large`, {
        cause,
      });
    default:
      return new TransientError(`${what}: ${wordsOf(cause, code)}`, { cause });
  }
}

function plainHint({ host }: URL): string {
  return `a registry that speaks plain HTTP must be named in insecure-registries as ${host}; one that wants a client certificate finds it in /etc/docker/certs.d/${host}`;
}

function wordsOf(cause: unknown, code: string): string {
  if (code === "ECONNRESET") return "the connection was closed before the answer was whole";
  // What Bun adds for its own users.
  return messageOf(cause).replace(/\. For more information, pass .*$/, "");
}

interface ErrorBody {
  errors?: { code?: string; message?: string }[];
  message?: string;
  details?: string;
}

/** What a registry says of an error, `denied: requested access to the resource is denied`; undefined when it says nothing. */
function reasonIn(body: string): string | undefined {
  try {
    const { errors, message, details } = (JSON.parse(body) ?? {}) as ErrorBody;
    const [first] = Array.isArray(errors) ? errors : [];
    if (first?.code !== undefined) {
      const code = String(first.code).toLowerCase().replaceAll("_", " ");
      return clean(`${code}: ${first.message || code}`);
    }
    return clean(details ?? message ?? "");
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined;
    throw error;
  }
}

/** On one line, without what a terminal would obey, and not endless. */
function clean(text: string): string | undefined {
  const line = [...String(text).slice(0, 400)].map((c) => (c < " " || c === "\x7f" ? " " : c)).join("");
  return line.trim() || undefined;
}

/** The error for an answer of 400 and above. */
export function statusFailure(
  answer: { status: number; headers: Headers; body: string },
  what: string,
): FathomError {
  const { status, headers, body } = answer;
  const reason = reasonIn(body) ?? clean(body.startsWith("<") ? "" : body);
  const said = `${what}: ${reason ?? `status ${status}`}`;
  if (status === 429)
    return new TransientError(`${said}${limitWords(headers)}`, { retryAfterMs: retryAfter(headers) });
  if (status >= 500 || status === 408) {
    return new TransientError(
      reason === undefined
        ? `${what}: the registry answered with status ${status}`
        : `${said} (status ${status})`,
      { retryAfterMs: retryAfter(headers) },
    );
  }
  return new FathomError(kindOfStatus(status), said);
}

function kindOfStatus(status: number): ErrorKind {
  if (status === 401) return "unauthorized";
  if (status === 403) return "forbidden";
  if (status === 404) return "not-found";
  return "invalid";
}

/** Retry-After in seconds or as a date (RFC 9110, 10.2.3), as milliseconds from now. */
function retryAfter(headers: Headers): number | undefined {
  const text = headers.get("retry-after");
  if (text === null) return undefined;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

/** What `ratelimit-limit: 100;w=21600` and its fellows say. */
function limitWords(headers: Headers): string {
  const [, limit, window] = /^(\d+)(?:;w=(\d+))?/.exec(headers.get("ratelimit-limit") ?? "") ?? [];
  const wait = retryAfter(headers);
  const parts = [
    limit === undefined
      ? ""
      : `it allows ${limit} pulls${window ? ` in ${Math.round(Number(window) / 60)} minutes` : ""}`,
    wait === undefined ? "" : `try again in ${Math.ceil(wait / 1000)} seconds`,
    limit === undefined && wait === undefined ? "" : "or log in, which may raise the limit",
  ].filter((part) => part !== "");
  return parts.length === 0 ? "" : ` (the registry's rate limit is reached: ${parts.join(", ")})`;
}
