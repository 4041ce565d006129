/** Credentials for registries: from the helper that config.json names for one, else from config.json itself. */

import type { AuthConfig } from "../../spec/docker_registry.ts";
import { type ClientConfig, entryOf, readClientConfig, writeEntry } from "./config_file.ts";
import { askHelper, eraseFromHelper, storeInHelper } from "./helper.ts";
import { hostOf, serverOfImage } from "./server.ts";

/** Nothing at all where nobody has logged in. */
export async function credentialsOf(configDir: string, server: string): Promise<AuthConfig> {
  const config = await readClientConfig(configDir);
  const helper = helperFor(config, server);
  const found = helper === undefined ? entryOf(config, server) : await askHelper(helper, server);
  return Object.keys(found).length === 0 ? {} : { ...found, serveraddress: server };
}

/** The header by which the daemon is told who asks for an image; none for nobody. */
export async function authHeaders(configDir: string, image: string): Promise<Record<string, string>> {
  const found = await credentialsOf(configDir, serverOfImage(image));
  if (Object.keys(found).length === 0) return {};
  return { "X-Registry-Auth": Buffer.from(JSON.stringify(found)).toString("base64url") };
}

/** Keeps them; gives whether they stand in config.json where everybody who reads it can read them. */
export async function keepCredentials(
  configDir: string,
  server: string,
  entry: AuthConfig,
): Promise<boolean> {
  const helper = helperFor(await readClientConfig(configDir), server);
  if (helper !== undefined) await storeInHelper(helper, server, entry);
  await writeEntry(configDir, server, helper === undefined ? entry : {});
  return helper === undefined;
}

/** Gives whether there were any. */
export async function forgetCredentials(configDir: string, server: string): Promise<boolean> {
  const config = await readClientConfig(configDir);
  const helper = helperFor(config, server);
  const had = helper === undefined ? false : await eraseFromHelper(helper, server);
  const isThere = Object.hasOwn(config.auths ?? {}, server);
  if (isThere) await writeEntry(configDir, server, undefined);
  return had || isThere;
}

function helperFor({ credHelpers = {}, credsStore }: ClientConfig, server: string): string | undefined {
  return credHelpers[server] ?? credHelpers[hostOf(server)] ?? (credsStore || undefined);
}
