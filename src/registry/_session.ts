/**
 * A conversation with one endpoint: which scheme it speaks, what it wants to be shown, tries again where that may help.
 *
 * Nothing is shown before it is asked for; from then on every request carries it.
 */

import type { FathomError } from "../std/errors.ts";
import { readBounded } from "./_body.ts";
import { type Challenge, parseChallenges } from "./_challenge.ts";
import type { Endpoint } from "./_endpoints.ts";
import { PlainServerError, statusFailure, TransientError } from "./_failure.ts";
import { retrying } from "./_retry.ts";
import { fetchToken, type Token } from "./_tokens.ts";
import type { Transport, WireRequest } from "./_transport.ts";
import { basicHeader, basicOf, type Credentials } from "./credentials.ts";
import type { RegistrySettings } from "./settings.ts";

export interface SessionOptions {
  endpoint: Endpoint;
  transport: Transport;
  settings: RegistrySettings;
  credentials: Credentials;
  /** What a token must allow: `repository:library/alpine:pull`. */
  scopes: readonly string[];
  signal: AbortSignal;
  /** Schemes by host, for all sessions: what was found out once. */
  schemes: Map<string, "https" | "http">;
}

export type SessionRequest = Omit<WireRequest, "url" | "signal" | "insecure" | "body"> & {
  /** Below the endpoint, `/v2/…`, or a whole URL that the registry gave. */
  path: string | URL;
  /** Made anew for every try. */
  body?: () => WireRequest["body"];
  /** Statuses that are answers, besides those below 400. */
  accept?: readonly number[];
  /** Ends this request in place of the session's own signal: for what outlives who began it. */
  signal?: AbortSignal;
  /** Not tried again here: its caller begins further back. */
  once?: boolean;
};

export interface Session {
  readonly endpoint: Endpoint;
  /** @throws {FathomError} by status; the answer's body must be read or cancelled */
  send(request: SessionRequest): Promise<Response>;
  urlOf(path: string | URL): Promise<URL>;
  /** Tries `work` again where that may help. */
  retrying<T>(work: () => Promise<T>): Promise<T>;
}

const MOST_ERROR_BYTES = 64 * 1024;

export function openSession(options: SessionOptions): Session {
  const { endpoint, settings } = options;
  let authorization: string | undefined;
  let expires = Number.POSITIVE_INFINITY;
  let challenge: Challenge | undefined;
  let asking: Promise<void> | undefined;

  const authorize = async (signal: AbortSignal): Promise<void> => {
    if (challenge === undefined) return;
    const asking = { ...options, signal };
    const found = await authorizationFor(challenge, asking, await isPlain(asking));
    authorization = found?.header;
    expires = found?.expires ?? Number.POSITIVE_INFINITY;
  };
  /** Many requests may want a token at once; it is fetched once. */
  const authorized = (signal: AbortSignal): Promise<void> => {
    asking ??= authorize(signal).finally(() => {
      asking = undefined;
    });
    return asking;
  };
  const attempt = async (request: SessionRequest): Promise<Response> => {
    const { signal = options.signal } = request;
    const own = { ...options, signal };
    const url = await urlOf(request.path, own);
    if (performance.now() > expires) await authorized(signal);
    const shown = authorization;
    const reply = await wire(url, request, { ...own, authorization: shown });
    const asked = reply.status === 401 ? parseChallenges(reply.headers.get("www-authenticate") ?? "") : [];
    const next = asked.find(({ scheme }) => scheme === "bearer") ?? asked[0];
    if (next === undefined || !isOwn(url, endpoint)) return reply;
    if (authorization === shown) {
      // Shown a token that had not run out and refused all the same: only another scope can help.
      if (shown !== undefined && sameChallenge(challenge, next)) return reply;
      challenge = next;
      await authorized(signal);
      if (authorization === undefined) return reply;
    }
    await reply.body?.cancel();
    return wire(url, request, { ...own, authorization });
  };
  const patience = (signal = options.signal) => ({ ...settings, signal });
  const checked = async (request: SessionRequest): Promise<Response> => {
    const reply = await attempt(request);
    if (reply.status < 400 || request.accept?.includes(reply.status)) return reply;
    throw await failureOf(reply, request, await urlOf(request.path, options));
  };
  return {
    endpoint,
    urlOf: (path) => urlOf(path, options),
    send: (request) =>
      request.once ? checked(request) : retrying(patience(request.signal), () => checked(request)),
    retrying: (work) => retrying(patience(), work),
  };
}

function sameChallenge(one: Challenge | undefined, other: Challenge): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

async function wire(
  url: URL,
  request: SessionRequest,
  options: SessionOptions & { authorization: string | undefined },
): Promise<Response> {
  const { transport, endpoint, signal, authorization } = options;
  const { path: _path, accept: _accept, once: _once, body, ...rest } = request;
  const isShown = authorization !== undefined && isOwn(url, endpoint);
  const content = body?.();
  return transport.send({
    ...rest,
    url,
    headers: { ...request.headers, ...(isShown && { Authorization: authorization }) },
    ...(content !== undefined && { body: content }),
    insecure: endpoint.insecure,
    signal,
  });
}

/** An upload may go on at another host; that host is told nothing. */
function isOwn(url: URL, { base }: Endpoint): boolean {
  return url.host === new URL(`https://${base}`).host || url.host === new URL(`http://${base}`).host;
}

async function urlOf(path: string | URL, options: SessionOptions): Promise<URL> {
  if (path instanceof URL) return path;
  const { base } = options.endpoint;
  return new URL(`${await schemeOf(options)}://${base}${path}`);
}

async function isPlain(options: SessionOptions): Promise<boolean> {
  return options.endpoint.insecure || (await schemeOf(options)) === "http";
}

/** Of a registry that may go without TLS: what it answers to. */
async function schemeOf({ endpoint, schemes, transport, signal }: SessionOptions): Promise<"https" | "http"> {
  const [first = "https", second] = endpoint.schemes;
  if (second === undefined) return first;
  const known = schemes.get(endpoint.base);
  if (known !== undefined) return known;
  const ask = (scheme: string) =>
    transport.send({
      method: "GET",
      url: new URL(`${scheme}://${endpoint.base}/v2/`),
      insecure: true,
      signal,
    });
  let found: "https" | "http" = first;
  const reply = await ask(first).catch((error: unknown) => {
    signal.throwIfAborted();
    if (!(error instanceof PlainServerError || error instanceof TransientError)) throw error;
    found = second;
    return ask(second);
  });
  await reply.body?.cancel();
  schemes.set(endpoint.base, found);
  return found;
}

async function authorizationFor(
  challenge: Challenge,
  options: SessionOptions,
  insecure: boolean,
): Promise<{ header: string; expires?: number } | undefined> {
  const { credentials, transport, signal } = options;
  if (credentials.registrytoken) return { header: `Bearer ${credentials.registrytoken}` };
  if (challenge.scheme === "basic") {
    const basic = basicOf(credentials);
    return basic && { header: basicHeader(basic) };
  }
  const scopes = [...new Set([...options.scopes, ...(challenge.scope?.split(" ") ?? [])])];
  const request = { challenge, scopes, credentials, insecure, signal };
  const { token, expires }: Token = await fetchToken(transport, request);
  return { header: `Bearer ${token}`, expires };
}

async function failureOf(reply: Response, { method }: SessionRequest, url: URL): Promise<FathomError> {
  const bounds = { most: MOST_ERROR_BYTES, what: `the error of ${url.host}` };
  const body = method === "HEAD" ? "" : (await readBounded(reply, bounds)).toString();
  return statusFailure(
    { status: reply.status, headers: reply.headers, body },
    `${method} ${url.origin}${url.pathname}`,
  );
}
