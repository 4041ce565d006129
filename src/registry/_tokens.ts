/**
 * Bearer tokens: asked of the server that a challenge names, by GET with user and password, or by OAuth2's POST with a refresh
 * token (distribution: docs/spec/auth/token.md and oauth.md).
 */

import { FathomError } from "../std/errors.ts";
import { readBounded } from "./_body.ts";
import type { Challenge } from "./_challenge.ts";
import { statusFailure } from "./_failure.ts";
import type { Transport } from "./_transport.ts";
import { basicHeader, basicOf, type Credentials } from "./credentials.ts";

export interface TokenRequest {
  challenge: Extract<Challenge, { scheme: "bearer" }>;
  scopes: readonly string[];
  credentials: Credentials;
  /** Ask for a refresh token as well: for a login. */
  offline?: boolean;
  /** The registry was reached without TLS or without verifying its certificate. */
  insecure: boolean;
  signal: AbortSignal;
}

export interface Token {
  token: string;
  refresh?: string;
  /** Milliseconds on performance.now's clock. */
  expires: number;
}

const CLIENT_ID = "fathom";
/** A token that says nothing of its end lives this long, by the specification. */
const DEFAULT_SECONDS = 60;
const MOST_BYTES = 1024 * 1024;

/** @throws {FathomError} unauthorized, when the token server refuses; unavailable */
export async function fetchToken(transport: Transport, request: TokenRequest): Promise<Token> {
  const { challenge, insecure, signal, credentials } = request;
  const url = URL.parse(challenge.realm);
  if (url === null || !["https:", "http:"].includes(url.protocol)) {
    throw new FathomError(
      "unavailable",
      `the registry names ${JSON.stringify(challenge.realm.slice(0, 200))} as its token server, which is no URL of HTTP`,
    );
  }
  const told =
    (credentials.identitytoken !== undefined && credentials.identitytoken !== "") ||
    basicOf(credentials) !== undefined;
  if (told && url.protocol === "http:" && !insecure) {
    throw new FathomError(
      "unavailable",
      `the registry's token server ${url.host} is reached by plain HTTP: it is not shown a password`,
    );
  }
  const ask = credentials.identitytoken ? byRefreshToken(url, request) : byPassword(url, request);
  const reply = await transport.send({ ...ask, insecure, signal });
  const body = (await readBounded(reply, { most: MOST_BYTES, what: `the answer of ${url.host}` })).toString();
  if (reply.status >= 400) throw refusal({ status: reply.status, headers: reply.headers, body }, url);
  return tokenIn(body, url);
}

function byPassword(realm: URL, { challenge, scopes, credentials, offline }: TokenRequest) {
  const url = new URL(realm);
  const basic = basicOf(credentials);
  if (challenge.service) url.searchParams.set("service", challenge.service);
  for (const scope of scopes) url.searchParams.append("scope", scope);
  if (basic) url.searchParams.set("account", basic.username);
  if (offline) {
    url.searchParams.set("offline_token", "true");
    url.searchParams.set("client_id", CLIENT_ID);
  }
  return { method: "GET", url, headers: { ...(basic && { Authorization: basicHeader(basic) }) } } as const;
}

function byRefreshToken(url: URL, { challenge, scopes, credentials, offline }: TokenRequest) {
  const form = new URLSearchParams({
    grant_type: "refresh_token",
    refresh_token: credentials.identitytoken ?? "",
    client_id: CLIENT_ID,
    ...(challenge.service && { service: challenge.service }),
    ...(scopes.length > 0 && { scope: scopes.join(" ") }),
    ...(offline && { access_type: "offline" }),
  });
  const headers = { "Content-Type": "application/x-www-form-urlencoded" };
  return { method: "POST", url, headers, body: form.toString() } as const;
}

function refusal(answer: { status: number; headers: Headers; body: string }, url: URL): FathomError {
  const what = `GET ${url.origin}${url.pathname}`;
  if (answer.status !== 401) return statusFailure(answer, what);
  return new FathomError("unauthorized", `${what}: unauthorized: incorrect username or password`);
}

function tokenIn(body: string, { host }: URL): Token {
  const value = parse(body);
  const text = (name: string) =>
    typeof value[name] === "string" && value[name] !== "" ? value[name] : undefined;
  const token = text("token") ?? text("access_token");
  if (token === undefined || /[^\x21-\x7e]/.test(token)) {
    throw new FathomError("unavailable", `the token server ${host} gave no token`);
  }
  const seconds =
    typeof value.expires_in === "number" && value.expires_in > 0 ? value.expires_in : DEFAULT_SECONDS;
  const refresh = text("refresh_token");
  return { token, ...(refresh !== undefined && { refresh }), expires: performance.now() + seconds * 900 };
}

function parse(body: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(body));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return {};
    throw error;
  }
}
