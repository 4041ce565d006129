/**
 * Requests to registries: TLS with the host's certificates, proxies, redirects, words for what fails.
 *
 * Bun's fetch, and why: docs/decisions/0031-registry-by-fetch.md. What it would do of itself and must not is switched off here:
 * following redirects (they would carry credentials), undoing compression (blobs are hashed as they are), proxies by its rules.
 */

import { FathomError } from "../std/errors.ts";
import { VERSION } from "../std/version.ts";
import { type Certificates, certificatesFor } from "./_certificates.ts";
import { requestFailure, TransientError } from "./_failure.ts";
import { proxyFor } from "./proxies.ts";
import type { RegistrySettings } from "./settings.ts";

export interface WireRequest {
  method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH";
  url: URL;
  headers?: Readonly<Record<string, string>>;
  body?: string | Uint8Array | AsyncIterable<Uint8Array>;
  signal: AbortSignal;
  /** Certificates need not be valid, and a redirect may lead to plain HTTP. */
  insecure: boolean;
}

export interface Transport {
  /** The answer, whatever its status. Its body must be read or cancelled. @throws {FathomError} when there is none */
  send(request: WireRequest): Promise<Response>;
}

const MOST_REDIRECTS = 10;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

export function openTransport(settings: RegistrySettings): Transport {
  const known = new Map<string, Promise<Certificates>>();
  const certificates = (host: string): Promise<Certificates> => {
    const found = known.get(host) ?? certificatesFor(host, settings.certificateDirectories);
    known.set(host, found);
    // Certificates that were put right are read at the next request.
    found.catch(() => known.delete(host));
    return found;
  };
  const once = async (request: WireRequest): Promise<Response> => {
    const { url, insecure } = request;
    const tls =
      url.protocol === "https:" ? { tls: { ...(await certificates(url.host)), ...leniency(insecure) } } : {};
    const proxy = proxyFor(url, settings.proxies);
    try {
      return await withinTime(request.signal, settings.stallMs, (signal, touch) =>
        fetch(url.href, {
          method: request.method,
          headers: { "User-Agent": `fathom/${VERSION}`, "Accept-Encoding": "identity", ...request.headers },
          ...(request.body !== undefined && { body: touching(request.body, touch) }),
          redirect: "manual",
          decompress: false,
          // Stalls are noticed by those who read; a layer may take as long as it takes.
          timeout: false,
          signal,
          ...tls,
          ...(proxy !== undefined && { proxy }),
        } as BunFetchRequestInit),
      );
    } catch (cause) {
      request.signal.throwIfAborted();
      if (cause instanceof FathomError) throw cause;
      throw requestFailure(cause, request);
    }
  };
  return { send: (request) => followed(request, once) };
}

function leniency(insecure: boolean): { rejectUnauthorized?: false } {
  return insecure ? { rejectUnauthorized: false } : {};
}

/** An answer must begin within that time, counted anew whenever a piece of the body is taken. */
async function withinTime(
  signal: AbortSignal,
  limitMs: number,
  send: (signal: AbortSignal, touch: () => void) => Promise<Response>,
): Promise<Response> {
  const late = new AbortController();
  const timer = setTimeout(() => {
    late.abort(new TransientError(`the registry has not answered for ${Math.round(limitMs / 1000)} seconds`));
  }, limitMs);
  try {
    return await send(AbortSignal.any([signal, late.signal]), () => void timer.refresh());
  } finally {
    clearTimeout(timer);
  }
}

function touching(
  body: NonNullable<WireRequest["body"]>,
  touch: () => void,
): NonNullable<WireRequest["body"]> {
  return typeof body === "string" || body instanceof Uint8Array ? body : touched(body, touch);
}

async function* touched(body: AsyncIterable<Uint8Array>, touch: () => void): AsyncIterable<Uint8Array> {
  for await (const piece of body) {
    touch();
    yield piece;
  }
}

/** Follows redirects of what has no body. Another host is told nothing of who asks. */
async function followed(
  first: WireRequest,
  once: (request: WireRequest) => Promise<Response>,
): Promise<Response> {
  let request = first;
  for (let hops = 0; hops <= MOST_REDIRECTS; hops++) {
    const reply = await once(request);
    const location = reply.headers.get("location");
    if (!REDIRECTS.has(reply.status) || location === null || request.body !== undefined) return reply;
    await reply.body?.cancel();
    request = { ...request, url: targetOf(location, request) };
    if (request.url.origin !== first.url.origin)
      request = { ...request, headers: anonymous(request.headers) };
  }
  throw new FathomError(
    "unavailable",
    `${first.method} ${first.url.origin}${first.url.pathname}: too many redirects`,
  );
}

function targetOf(location: string, { url, insecure }: WireRequest): URL {
  const target = URL.parse(location, url.href);
  if (target === null || !["http:", "https:"].includes(target.protocol)) {
    throw new FathomError(
      "unavailable",
      `${url.host} redirects to ${JSON.stringify(location.slice(0, 200))}, which is no URL of HTTP`,
    );
  }
  if (url.protocol === "https:" && target.protocol === "http:" && !insecure) {
    throw new FathomError(
      "unavailable",
      `${url.host} redirects from HTTPS to plain HTTP at ${target.host}, which is refused`,
    );
  }
  return target;
}

function anonymous(headers: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => name.toLowerCase() !== "authorization"),
  );
}
