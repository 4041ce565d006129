/**
 * What is kept of networks on disk.
 *
 * `<data-root>/networks/<id>.json`: a network as it was asked for, and the addresses it was given; outlives a boot.
 * `<exec-root>/sandboxes/<container>.json`: what one container is connected by; written before the container starts, so that an
 * engine killed at any instant knows which addresses are taken and what to take away. Which addresses are free follows from
 * these records and is written nowhere else.
 */

import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { ifAbsent } from "../std/absent.ts";
import { readAll, wholeNetwork, wholeSandbox, writeWhole } from "./record_files.ts";
import { type Driver, freshNetwork, type NetworkRecord, type SandboxRecord } from "./records.ts";

export interface RecordStore {
  networks: Map<string, NetworkRecord>;
  sandboxes: Map<string, SandboxRecord>;
  saveNetwork(record: NetworkRecord): Promise<void>;
  dropNetwork(id: string): Promise<void>;
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
    networks: byKey(await readAll(networks, wholeNetwork, warn), ({ Id }) => Id),
    sandboxes: byKey(await readAll(sandboxes, wholeSandbox, warn), ({ Container }) => Container),
    saveNetwork: (record) => writeWhole(join(networks, `${record.Id}.json`), record, { flush: true }),
    dropNetwork: (id) => rm(join(networks, `${id}.json`), { force: true }),
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
  const record = freshNetwork({ Name, Driver });
  await store.saveNetwork(record);
  store.networks.set(record.Id, record);
}

function byKey<T>(records: readonly T[], key: (record: T) => string): Map<string, T> {
  return new Map(records.map((record) => [key(record), record]));
}

/** Files in the directory of namespaces; none where the boot took it away. */
export function keptNamespaces({ namespaces }: RecordStore): Promise<string[]> {
  return readdir(namespaces).catch(ifAbsent([]));
}
