/** `-H` values to listening sockets. */

import { readFile } from "node:fs/promises";
import type { Listener } from "../api/mod.ts";
import { ifAbsent } from "../std/absent.ts";
import { FathomError } from "../std/errors.ts";
import type { DaemonConfig } from "./config.ts";

/** Ports that Docker gives a TCP address without one. */
const DEFAULT_PORT = 2375;

/** @throws {FathomError} invalid, naming the address that cannot be understood */
export async function listenersOf(config: DaemonConfig): Promise<Listener[]> {
  const group = config.group ?? (await ownGroup());
  return config.hosts.map((host) => listenerOf(host, { group, insecure: config.allowInsecureTcp }));
}

function listenerOf(host: string, options: { group: string | undefined; insecure: boolean }): Listener {
  if (host.startsWith("unix://") && host.length > "unix://".length) {
    const path = host.slice("unix://".length);
    return { kind: "unix", path, ...(options.group !== undefined && { group: options.group }) };
  }
  const tcp = /^tcp:\/\/(?:\[([0-9a-f:]+)\]|([^:/[\]]*))(?::(\d{1,5}))?\/?$/i.exec(host);
  const port = Number(tcp?.[3] ?? DEFAULT_PORT);
  if (tcp === null || port > 65535) {
    throw new FathomError(
      "invalid",
      `cannot listen on ${host}: write unix:///path/of/socket or tcp://address:port`,
    );
  }
  return { kind: "tcp", host: tcp[1] ?? (tcp[2] || "127.0.0.1"), port, insecure: options.insecure };
}

/** Docker's group, or one of our own, whose members may use the socket; undefined where there is neither. */
async function ownGroup(): Promise<string | undefined> {
  const groups = (await readFile("/etc/group", "utf8").catch(ifAbsent(""))).split("\n");
  return ["fathom", "docker"].find((name) => groups.some((line) => line.startsWith(`${name}:`)));
}
