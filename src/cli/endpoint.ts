/** Where the daemon is: -H, the environment, Docker's contexts, or the default socket. */

import { messageOf } from "../std/errors.ts";
import { CommandError } from "./errors.ts";

const DEFAULT_SOCKET = "/var/run/fathom.sock";

export type Endpoint = { address: string } & (
  | { kind: "unix"; path: string }
  | { kind: "tcp"; host: string; port: number }
);

export interface Choice {
  endpoint: Endpoint;
  /** Name of the context it came from. */
  context: string;
  /** True when nobody said where: the one case in which a daemon may be started. */
  isDefault: boolean;
}

export interface Wishes {
  hosts: readonly string[];
  context: string | undefined;
  configDir: string;
}

/** Chooses the daemon's address in the docker command's order, with FATHOM_HOST before DOCKER_HOST. */
export async function chooseEndpoint(wishes: Wishes): Promise<Choice> {
  const { hosts, context } = wishes;
  if (hosts.length > 0 && context) {
    throw new CommandError("conflicting options: either specify --host or --context, not both");
  }
  if (hosts.length > 1) throw new CommandError("Specify only one -H");
  const host = hosts[0] ?? (context ? undefined : process.env.FATHOM_HOST || process.env.DOCKER_HOST);
  if (host) return { endpoint: parseEndpoint(host), context: "default", isDefault: false };
  const name = context ?? (process.env.DOCKER_CONTEXT || (await currentContext(wishes.configDir)));
  if (!name || name === "default") {
    return { endpoint: parseEndpoint(`unix://${DEFAULT_SOCKET}`), context: "default", isDefault: true };
  }
  return { endpoint: await contextEndpoint(wishes.configDir, name), context: name, isDefault: false };
}

/** Reads `unix:///path` or `tcp://host:port`. */
function parseEndpoint(address: string): Endpoint {
  const unix = /^unix:\/\/(\/.*)$/.exec(address);
  if (unix?.[1]) return { kind: "unix", path: unix[1], address };
  const tcp = /^(?:tcp|http):\/\/(\[[\da-fA-F:]+\]|[^:/]*)(?::(\d+))?\/?$/.exec(address);
  if (tcp) {
    const host = (tcp[1] || "127.0.0.1").replace(/^\[|\]$/g, "");
    return { kind: "tcp", host, port: Number(tcp[2] ?? 2375), address };
  }
  throw initializeError(`invalid bind address format: ${address}: unix:// and tcp:// are known`);
}

function initializeError(problem: string): CommandError {
  return new CommandError(`Failed to initialize: unable to resolve docker endpoint: ${problem}`);
}

async function currentContext(configDir: string): Promise<string | undefined> {
  const config = await readJson(`${configDir}/config.json`);
  const name = config?.currentContext;
  return typeof name === "string" ? name : undefined;
}

async function contextEndpoint(configDir: string, name: string): Promise<Endpoint> {
  const digest = new Bun.CryptoHasher("sha256").update(name).digest("hex");
  const path = `${configDir}/contexts/meta/${digest}/meta.json`;
  const meta = await readJson(path);
  if (!meta) {
    throw initializeError(
      `context ${JSON.stringify(name)}: context not found: open ${path}: no such file or directory`,
    );
  }
  const host = field(field(meta.Endpoints, "docker"), "Host");
  if (typeof host !== "string") throw initializeError(`context ${JSON.stringify(name)} names no docker host`);
  return parseEndpoint(host);
}

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

/** A JSON object from a file; undefined when there is no file. */
async function readJson(path: string): Promise<Record<string, unknown> | undefined> {
  const file = Bun.file(path);
  if (!(await file.exists())) return undefined;
  try {
    const value: unknown = await file.json();
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch (error) {
    throw new CommandError(`Error loading config file: ${path}: ${messageOf(error)}`, 1, { cause: error });
  }
}
