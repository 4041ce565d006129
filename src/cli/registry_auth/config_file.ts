/**
 * Credentials in Docker's client configuration: `config.json`, and `~/.dockercfg` from before 2014, which is only read.
 *
 * What else stands in config.json stays as it is. It is replaced as a whole, through a symbolic link too, and only its owner may read it.
 */

import { chmod, mkdir, readFile, realpath, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import type { AuthConfig } from "../../spec/docker_registry.ts";
import { ifAbsent } from "../../std/absent.ts";
import { messageOf } from "../../std/errors.ts";
import { CommandError } from "../errors.ts";
import { HUB_SERVER, hostOf } from "./server.ts";

/** The keys that matter here. */
export interface ClientConfig {
  auths?: Record<string, AuthConfig>;
  credsStore?: string;
  credHelpers?: Record<string, string>;
}

export function configPath(configDir: string): string {
  return join(configDir, "config.json");
}

/** An empty one where there is none. @throws {CommandError} when it is not what it should be */
export async function readClientConfig(configDir: string): Promise<ClientConfig> {
  const path = configPath(configDir);
  const text = await readFile(path, "utf8").catch(ifAbsent(undefined));
  if (text !== undefined) return parseConfig(text, path);
  const legacy = join(homedir(), ".dockercfg");
  const old = await readFile(legacy, "utf8").catch(ifAbsent(undefined));
  return old === undefined ? {} : { auths: legacyAuths(old, legacy) };
}

function parseConfig(text: string, path: string): ClientConfig {
  if (text.trim() === "") return {};
  try {
    return Object(JSON.parse(text));
  } catch (cause) {
    throw new CommandError(`${path} is not JSON: ${messageOf(cause)}`, 1, { cause });
  }
}

/** JSON without the `auths` round it; before that, two lines: `auth = dXNlcjpwYXNz` and `email = …`. */
function legacyAuths(text: string, path: string): Record<string, AuthConfig> {
  const [, auth] = /^auth\s*=\s*(\S+)$/m.exec(text) ?? [];
  if (auth !== undefined) return { [HUB_SERVER]: { auth } };
  return parseConfig(text, path) as Record<string, AuthConfig>;
}

/** What the file itself has for a server; its key may be a URL of the same host. */
export function entryOf({ auths = {} }: ClientConfig, server: string): AuthConfig {
  const key = Object.hasOwn(auths, server)
    ? server
    : Object.keys(auths).find((one) => server !== HUB_SERVER && hostOf(one) === hostOf(server));
  return withoutEncoding(key === undefined ? {} : (auths[key] ?? {}));
}

/** User and password are kept as one word in base64. */
function withoutEncoding({ auth, ...entry }: AuthConfig): AuthConfig {
  if (!auth) return entry;
  const text = Buffer.from(auth, "base64").toString();
  const colon = text.indexOf(":");
  if (colon < 0) throw new CommandError("Invalid auth configuration file");
  const password = text.slice(colon + 1).replace(/\0+$/, "");
  return { ...entry, username: text.slice(0, colon), ...(password !== "" && { password }) };
}

/** Puts an entry in the file, or takes it out. */
export async function writeEntry(
  configDir: string,
  server: string,
  entry: AuthConfig | undefined,
): Promise<void> {
  const config = await readClientConfig(configDir);
  const { [server]: _old, ...others } = config.auths ?? {};
  const auths = entry === undefined ? others : { ...others, [server]: encoded(entry) };
  await replace(configPath(configDir), `${JSON.stringify({ ...config, auths }, null, "\t")}\n`);
}

function encoded({ username = "", password = "", identitytoken }: AuthConfig): AuthConfig {
  // A program outside keeps it: the entry only says that there is one.
  if (username === "" && !identitytoken) return {};
  const secret = identitytoken ? "" : password;
  const auth = Buffer.from(`${username}:${secret}`).toString("base64");
  return { auth, ...(identitytoken && { identitytoken }) };
}

async function replace(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const target = await realpath(path).catch(ifAbsent(path));
  const temporary = `${target}.${process.pid}.tmp`;
  try {
    await writeFile(temporary, text, { mode: 0o600 });
    await chmod(temporary, 0o600);
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
