/**
 * Keeps the tables of names as files in step with the records of what containers are connected by.
 *
 * `<exec-root>/dns/`: see dns/contract.ts. They are written with the record that they follow from, so that whoever has changed that
 * may say that it is done. An engine that starts writes all anew, as one that was killed may have left any of them out.
 */

import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { containerTablePath, networkTablePath } from "../dns/contract.ts";
import { ifAbsent } from "../std/absent.ts";
import { containerTable, resolvesNames } from "./names.ts";
import { NetworkNames } from "./network_names.ts";
import { writeText, writeWhole } from "./record_files.ts";
import type { SandboxRecord } from "./records.ts";
import type { RecordStore } from "./store.ts";

export interface NameTables {
  /** The path of a container's table. */
  pathOf(container: string): string;
  /** Writes every table anew and takes away what nobody asks by. */
  renew(): Promise<void>;
}

/**
 * Has every change of a container's record followed by its tables.
 * @param gateway under which containers reach the host, where that is not each network's own
 */
export async function keepNameTables(
  store: RecordStore,
  { execRoot, gateway }: { execRoot: string; gateway: string | undefined },
): Promise<NameTables> {
  const directory = join(execRoot, "dns");
  for (const kind of ["networks", "containers"])
    await mkdir(join(directory, kind), { recursive: true, mode: 0o700 });
  const tables = new Tables(store, directory, gateway);
  const { saveSandbox, dropSandbox } = store;
  store.saveSandbox = async (record) => {
    await Promise.all([saveSandbox(record), tables.publish(record)]);
  };
  store.dropSandbox = async (container) => {
    await Promise.all([dropSandbox(container), tables.withdraw(container)]);
  };
  await tables.renew();
  return tables;
}

class Tables implements NameTables {
  readonly #store: RecordStore;
  readonly #directory: string;
  readonly #gateway: string | undefined;
  /** The networks of each container in whose tables it stands. */
  readonly #published = new Map<string, readonly string[]>();
  /** The names on each network where there are any. */
  readonly #names = new Map<string, NetworkNames>();
  /** One write of a file at a time; who comes meanwhile shares the next. */
  readonly #writing = new Map<string, Promise<void>>();
  readonly #waiting = new Map<string, Promise<void>>();

  constructor(store: RecordStore, directory: string, gateway: string | undefined) {
    this.#store = store;
    this.#directory = directory;
    this.#gateway = gateway;
  }

  pathOf(container: string): string {
    return containerTablePath(this.#directory, container);
  }

  async renew(): Promise<void> {
    const { sandboxes } = this.#store;
    const asked = [...sandboxes.values()].filter(resolvesNames);
    await Promise.all(asked.map((sandbox) => this.publish(sandbox)));
    const networks = new Set(asked.flatMap(networksOf));
    await this.#sweep("networks", networks);
    await this.#sweep("containers", new Set(asked.map(({ Container }) => Container)));
  }

  async publish(sandbox: SandboxRecord): Promise<void> {
    const before = this.#published.get(sandbox.Container) ?? [];
    if (!resolvesNames(sandbox)) return before.length > 0 ? this.withdraw(sandbox.Container) : undefined;
    const { Container, Endpoints } = sandbox;
    const own = networksOf(sandbox);
    this.#published.set(Container, own);
    for (const id of before) if (!own.includes(id)) this.#names.get(id)?.drop(Container);
    for (const endpoint of Endpoints)
      if (own.includes(endpoint.Network)) this.#namesOn(endpoint.Network).put(Container, endpoint);
    await Promise.all([this.#writeOwn(Container), ...this.#writeNetworks([...before, ...own])]);
  }

  async withdraw(container: string): Promise<void> {
    const before = this.#published.get(container);
    if (before === undefined) return;
    this.#published.delete(container);
    for (const id of before) this.#names.get(id)?.drop(container);
    await Promise.all([rm(this.pathOf(container), { force: true }), ...this.#writeNetworks(before)]);
  }

  #namesOn(network: string): NetworkNames {
    const names = this.#names.get(network) ?? new NetworkNames();
    this.#names.set(network, names);
    return names;
  }

  #writeOwn(container: string): Promise<void> {
    const path = this.pathOf(container);
    return this.#write(path, async () => {
      const sandbox = this.#store.sandboxes.get(container);
      if (sandbox === undefined) return;
      const table = containerTable(sandbox, this.#store.networks, this.#gateway);
      await writeWhole(path, table, { flush: false });
    });
  }

  #writeNetworks(ids: readonly string[]): Promise<void>[] {
    return [...new Set(ids)].map((id) => {
      const path = networkTablePath(this.#directory, id);
      return this.#write(path, async () => {
        const network = this.#store.networks.get(id);
        const names = this.#names.get(id);
        if (network !== undefined && names !== undefined && !names.isEmpty)
          return writeText(path, names.table(network.Name), { flush: false });
        this.#names.delete(id);
        await rm(path, { force: true });
      });
    });
  }

  /** What a write is made of is looked up when it begins, so that one that has not begun does for all who ask for it. */
  #write(path: string, work: () => Promise<void>): Promise<void> {
    const waiting = this.#waiting.get(path);
    if (waiting !== undefined) return waiting;
    const before = this.#writing.get(path) ?? Promise.resolve();
    const next = before
      .catch(() => undefined)
      .then(async () => {
        this.#waiting.delete(path);
        this.#writing.set(path, next);
        try {
          await work();
        } finally {
          if (this.#writing.get(path) === next) this.#writing.delete(path);
        }
      });
    this.#waiting.set(path, next);
    return next;
  }

  async #sweep(kind: "networks" | "containers", wanted: ReadonlySet<string>): Promise<void> {
    const directory = join(this.#directory, kind);
    const names = await readdir(directory).catch(ifAbsent([]));
    const stray = names.filter((name) => !wanted.has(name.replace(/\.json$/, "")));
    await Promise.all(stray.map((name) => rm(join(directory, name), { force: true })));
  }
}

function networksOf({ Endpoints }: SandboxRecord): string[] {
  return Endpoints.filter(({ DnsNames }) => DnsNames.length > 0).map(({ Network }) => Network);
}
