/** A token server of a test's own: gives bearer tokens to a user and for a refresh token, and remembers what it was asked. */

import { createHash, createPrivateKey, createPublicKey, sign } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

export interface TokenServer extends AsyncDisposable {
  realm: string;
  /** Every request: how, for whom, for which scopes. */
  seen: { method: string; who: string; scopes: string[] }[];
}

export const REFRESH_TOKEN = "a-refresh-token";
export const USER = { username: "somebody", password: "secret" };

/** @param directory with `server.key` and `server.crt`, which the registry trusts */
export async function startTokenServer(directory: string): Promise<TokenServer> {
  const key = createPrivateKey(await readFile(join(directory, "server.key")));
  const kid = keyId(createPublicKey(key).export({ type: "spki", format: "der" }));
  const seen: TokenServer["seen"] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const form = request.method === "POST" ? new URLSearchParams(await request.text()) : undefined;
      const { searchParams } = new URL(request.url);
      const scopes = form ? (form.get("scope") ?? "").split(" ") : searchParams.getAll("scope");
      const who = form ? (form.get("refresh_token") ?? "") : userOf(request.headers.get("authorization"));
      seen.push({ method: request.method, who, scopes });
      const known = `${USER.username}:${USER.password}`;
      if (who !== known && who !== REFRESH_TOKEN) return new Response("{}", { status: 401 });
      const token = jwt({ key, kid }, scopes.filter(Boolean));
      const refresh = searchParams.has("offline_token") ? { refresh_token: REFRESH_TOKEN } : {};
      return Response.json({ token, access_token: token, expires_in: 300, ...refresh });
    },
  });
  const realm = `http://127.0.0.1:${server.port}/token`;
  return { realm, seen, [Symbol.asyncDispose]: () => server.stop(true) };
}

function userOf(authorization: string | null): string {
  return Buffer.from(authorization?.replace(/^Basic /, "") ?? "", "base64").toString();
}

/** libtrust's: the beginning of the key's digest in base32, in groups of four. */
function keyId(der: Uint8Array): string {
  const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const digest = createHash("sha256").update(der).digest().subarray(0, 30);
  const bits = [...digest].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  const letters = (bits.match(/.{5}/g) ?? []).map((five) => ALPHABET[Number.parseInt(five, 2)]).join("");
  return (letters.match(/.{4}/g) ?? []).join(":");
}

function jwt(
  { key, kid }: { key: ReturnType<typeof createPrivateKey>; kid: string },
  scopes: string[],
): string {
  const now = Math.floor(Date.now() / 1000);
  const access = scopes.map((scope) => {
    const [type, name, actions = ""] = scope.split(/:(?=[^/]*$)|(?<=^[a-z]+):/);
    return { type, name, actions: actions.split(",") };
  });
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const head = part({ typ: "JWT", alg: "RS256", kid });
  const claims = {
    iss: "test",
    sub: "",
    aud: "test",
    exp: now + 300,
    nbf: now - 10,
    iat: now,
    jti: String(now),
  };
  const body = part({ ...claims, access });
  const signature = sign("RSA-SHA256", Buffer.from(`${head}.${body}`), key).toString("base64url");
  return `${head}.${body}.${signature}`;
}
