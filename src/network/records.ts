/**
 * What is kept of networks on disk.
 *
 * `<data-root>/networks/<id>.json`: a network as it was asked for, and the addresses it was given; outlives a boot.
 * `<exec-root>/sandboxes/<container>.json`: what one container is connected by; written before the container starts, so that an
 * engine killed at any instant knows which addresses are taken and what to take away. Which addresses are free follows from
 * these records and is written nowhere else.
 */

import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ifAbsent } from "../std/absent.ts";
import { messageOf } from "../std/errors.ts";
import { rfc3339, wallClock } from "../std/time.ts";

export type Driver = "bridge" | "host" | "null";

/** A network. Field names are the Docker Engine API's. */
export interface NetworkRecord {
  Id: string;
  Name: string;
  Created: string;
  Driver: Driver;
  /** Empty until the network is used for the first time, and for drivers without addresses. */
  Subnets: { Subnet: string; Gateway: string; IPRange?: string }[];
  /** The bridge's own address in its network, `172.17.0.1/16`. */
  BridgeAddress?: string;
  Options: Record<string, string>;
  Labels: Record<string, string>;
}

/** One connection of a container to one network. */
export interface EndpointRecord {
  Id: string;
  /** ID of the network. */
  Network: string;
  /** The host's end of the pair; empty where the driver makes none, as all that follows. */
  Link: string;
  Address: string;
  Prefix: number;
  Gateway: string;
  Mac: string;
  /** Set where what it sends was ever limited: there may be a link for that, which goes by itself. */
  Limited?: true;
}

/** What a container has of networks while it runs. */
export interface SandboxRecord {
  Container: string;
  Id: string;
  /** Where its network namespace is kept; empty where it is the host's or the runtime makes it. */
  Key: string;
  Endpoints: EndpointRecord[];
}

export interface RecordStore {
  networks: Map<string, NetworkRecord>;
  sandboxes: Map<string, SandboxRecord>;
  saveNetwork(record: NetworkRecord): Promise<void>;
  saveSandbox(record: SandboxRecord): Promise<void>;
  dropSandbox(container: string): Promise<void>;
  /** Directory of the namespaces that are kept. */
  namespaces: string;
}

const BUILT_IN: readonly { Name: string; Driver: Driver }[] = [
  { Name: "bridge", Driver: "bridge" },
  { Name: "host", Driver: "host" },
  { Name: "none", Driver: "null" },
];

/** 64 hexadecimal digits, as all of Docker's IDs. */
export function inventId(): string {
  return randomBytes(32).toString("hex");
}

/** Reads what is there, and makes the three networks that every engine has. */
export async function openRecords(
  { dataRoot, execRoot }: { dataRoot: string; execRoot: string },
  warn: (sentence: string) => void,
): Promise<RecordStore> {
  const [networks, sandboxes, namespaces] = [
    join(dataRoot, "networks"),
    join(execRoot, "sandboxes"),
    join(execRoot, "netns"),
  ];
  for (const path of [networks, sandboxes, namespaces]) await mkdir(path, { recursive: true, mode: 0o700 });
  const store: RecordStore = {
    networks: byKey(await readAll(networks, isNetwork, warn), ({ Id }) => Id),
    sandboxes: byKey(await readAll(sandboxes, isSandbox, warn), ({ Container }) => Container),
    saveNetwork: (record) => writeWhole(join(networks, `${record.Id}.json`), record, { flush: true }),
    saveSandbox: (record) =>
      writeWhole(join(sandboxes, `${record.Container}.json`), record, { flush: false }),
    dropSandbox: (container) => rm(join(sandboxes, `${container}.json`), { force: true }),
    namespaces,
  };
  for (const builtIn of BUILT_IN) await ensure(store, builtIn);
  return store;
}

async function ensure(store: RecordStore, { Name, Driver }: (typeof BUILT_IN)[number]): Promise<void> {
  if ([...store.networks.values()].some((network) => network.Name === Name)) return;
  const record: NetworkRecord = {
    Id: inventId(),
    Name,
    Created: rfc3339(wallClock()),
    Driver,
    Subnets: [],
    Options: {},
    Labels: {},
  };
  await store.saveNetwork(record);
  store.networks.set(record.Id, record);
}

function byKey<T>(records: readonly T[], key: (record: T) => string): Map<string, T> {
  return new Map(records.map((record) => [key(record), record]));
}

/** A damaged record is told of and passed over: it must not keep an engine from starting. */
async function readAll<T>(
  directory: string,
  is: (value: unknown) => value is T,
  warn: (sentence: string) => void,
): Promise<T[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith(".json"));
  const read = async (name: string): Promise<T[]> => {
    const path = join(directory, name);
    try {
      const value: unknown = JSON.parse(await readFile(path, "utf8"));
      if (is(value)) return [value];
      warn(`${path} is not what Fathom writes: it is passed over`);
    } catch (error) {
      warn(`${path} cannot be read, and is passed over: ${messageOf(error)}`);
    }
    return [];
  };
  return (await Promise.all(names.map(read))).flat();
}

async function writeWhole(path: string, value: unknown, { flush }: { flush: boolean }): Promise<void> {
  const temporary = `${path}.tmp`;
  await writeFile(temporary, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600, flush });
  await rename(temporary, path);
}

/** Files in the directory of namespaces; none where the boot took it away. */
export function keptNamespaces({ namespaces }: RecordStore): Promise<string[]> {
  return readdir(namespaces).catch(ifAbsent([]));
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function isNetwork(value: unknown): value is NetworkRecord {
  const { Id, Name, Driver, Subnets } = fieldsOf(value);
  return [Id, Name, Driver].every((field) => typeof field === "string") && Array.isArray(Subnets);
}

function isSandbox(value: unknown): value is SandboxRecord {
  const { Container, Id, Key, Endpoints } = fieldsOf(value);
  return [Container, Id, Key].every((field) => typeof field === "string") && Array.isArray(Endpoints);
}
