/** Checks a user and password, or a refresh token, with a registry: `docker login`. */

import { FathomError } from "../std/errors.ts";
import { readBounded } from "./_body.ts";
import { parseChallenges } from "./_challenge.ts";
import { DOCKER_HUB } from "./_endpoints.ts";
import { statusFailure } from "./_failure.ts";
import { fetchToken } from "./_tokens.ts";
import { openTransport } from "./_transport.ts";
import { basicHeader, basicOf, type Credentials } from "./credentials.ts";
import type { Registries } from "./registries.ts";

export interface LoginResult {
  /** What to log in with from now on instead of the password; "" where the registry has no such thing. */
  identityToken: string;
}

const MOST_BYTES = 64 * 1024;

/** The host of a server address: `https://index.docker.io/v1/` is Docker Hub, a URL its host. */
function hostOfServer(address: string): string {
  const host = address.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
  return host === "" || host === "index.docker.io" || host === "registry-1.docker.io" ? DOCKER_HUB : host;
}

/** @throws {FathomError} unauthorized, when they are wrong; unavailable */
export async function login(
  registries: Registries,
  credentials: Credentials,
  signal: AbortSignal,
): Promise<LoginResult> {
  const domain = hostOfServer(credentials.serveraddress ?? "");
  // Nothing is shown on this way in: it finds out what the registry wants.
  const session = await registries.session({ domain, credentials: { registrytoken: "" }, signal });
  const { endpoint } = session;
  const transport = openTransport(registries.settings);
  const url = await session.urlOf("/v2/");
  const insecure = endpoint.insecure || url.protocol === "http:";
  const send = (headers: Record<string, string> = {}) =>
    transport.send({ method: "GET", url, headers, insecure, signal });
  const first = await send();
  await first.body?.cancel();
  const [challenge] = parseChallenges(first.headers.get("www-authenticate") ?? "");
  if (first.status !== 401 || challenge === undefined) {
    if (first.status < 400) return { identityToken: "" };
    throw statusFailure(
      { status: first.status, headers: first.headers, body: "" },
      `login attempt to ${url.href}`,
    );
  }
  if (challenge.scheme === "bearer") {
    const { refresh } = await fetchToken(transport, {
      challenge,
      scopes: [],
      credentials,
      offline: true,
      insecure,
      signal,
    });
    return { identityToken: refresh ?? "" };
  }
  const basic = basicOf(credentials);
  const second = await send(basic === undefined ? {} : { Authorization: basicHeader(basic) });
  const body = (
    await readBounded(second, { most: MOST_BYTES, what: `the answer of ${url.host}` })
  ).toString();
  if (second.status === 401) {
    throw new FathomError(
      "unauthorized",
      `login attempt to ${url.href} failed with status: 401 Unauthorized`,
    );
  }
  if (second.status >= 400)
    throw statusFailure(
      { status: second.status, headers: second.headers, body },
      `login attempt to ${url.href}`,
    );
  return { identityToken: "" };
}
