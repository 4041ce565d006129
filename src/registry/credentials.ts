/** Who asks: what the API's X-Registry-Auth header, or a client's configuration, gives for a registry. */

import type { AuthConfig } from "../spec/docker_registry.ts";

export type Credentials = AuthConfig;

export interface BasicCredentials {
  username: string;
  password: string;
}

/** User and password; undefined where there is neither. */
export function basicOf({ username, password, auth }: Credentials): BasicCredentials | undefined {
  if (username) return { username, password: password ?? "" };
  if (!auth) return undefined;
  const text = Buffer.from(auth, "base64").toString();
  const colon = text.indexOf(":");
  return colon < 0
    ? undefined
    : { username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, "") };
}

/** The value of an Authorization header (RFC 7617). */
export function basicHeader({ username, password }: BasicCredentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}
