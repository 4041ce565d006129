/**
 * A container's tables (contract.ts), read anew when they are other files. One that cannot be read changes nothing: what was known
 * stays known, as the daemon may be gone.
 */

import { readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { addressBytes } from "../kernel/net/inet.ts";
import { addressKey } from "./address.ts";
import { type ContainerTable, type NetworkTable, networkTablePath } from "./contract.ts";

/** How a table says what is on a network, for many look-ups. */
export interface KnownNetwork {
  name: string;
  links: ReadonlyMap<string, string>;
  /** Addresses, of 4 and 16 bytes, by name. */
  names: ReadonlyMap<string, readonly Uint8Array[]>;
  /** Names by addressKey. */
  hosts: ReadonlyMap<string | undefined, string>;
}

/** All that one container knows. */
export interface Known extends Pick<ContainerTable, "servers" | "forward" | "ndots"> {
  networks: readonly KnownNetwork[];
  extra: ReadonlyMap<string, readonly Uint8Array[]>;
}

const NOTHING: ContainerTable = { networks: [], extra: {}, servers: [], forward: false, ndots: false };
/** Files are looked at again after so many milliseconds. */
const FRESH = 5;

/** Reads the tables of one container, and anew when they have changed. */
export class Tables {
  readonly #path: string;
  readonly #directory: string;
  readonly #files = new Map<string, { version: string; value: unknown }>();
  #known: Known | undefined;
  #looked = Number.NEGATIVE_INFINITY;

  /** `path`: of the container's table. */
  constructor(path: string) {
    this.#path = path;
    this.#directory = dirname(dirname(path));
  }

  /** What is known now; `fresh` looks at the files whenever that was done last. */
  known(fresh = false): Known {
    const now = performance.now();
    if (this.#known !== undefined && !fresh && now - this.#looked < FRESH) return this.#known;
    this.#looked = now;
    const own = this.#changed(this.#path);
    const table = containerTable(this.#files.get(this.#path)?.value);
    const paths = table.networks.map(({ id }) => networkTablePath(this.#directory, id));
    // All of them are looked at, whatever the first says.
    const others = paths.map((path) => this.#changed(path)).includes(true);
    if (this.#known === undefined || own || others) this.#known = this.#put(table, paths);
    return this.#known;
  }

  #put({ networks, extra, ...rest }: ContainerTable, paths: readonly string[]): Known {
    for (const path of this.#files.keys())
      if (path !== this.#path && !paths.includes(path)) this.#files.delete(path);
    const known = networks.map(({ links }, index): KnownNetwork => {
      const { network, names, hosts } = networkTable(this.#files.get(paths[index] ?? "")?.value);
      const byKey = Object.entries(hosts).map(([address, host]) => [addressKey(address), host] as const);
      return {
        name: network.toLowerCase(),
        links: new Map(Object.entries(links)),
        names: byName(names),
        hosts: new Map(byKey),
      };
    });
    return { ...rest, networks: known, extra: byName(extra) };
  }

  /** Reads a file if it is not the one that was read. */
  #changed(path: string): boolean {
    try {
      const facts = statSync(path, { throwIfNoEntry: false });
      if (facts === undefined) return false;
      const version = `${facts.ino} ${facts.mtimeMs} ${facts.size}`;
      if (this.#files.get(path)?.version === version) return false;
      this.#files.set(path, { version, value: JSON.parse(readFileSync(path, "utf8")) });
      return true;
    } catch {
      // It was taken away or is torn: what was known stays.
      return false;
    }
  }
}

function byName(names: Record<string, string[]>): Map<string, Uint8Array[]> {
  return new Map(
    Object.entries(names).map(([name, texts]) => [name, texts.flatMap((text) => addressBytes(text) ?? [])]),
  );
}

function containerTable(value: unknown): ContainerTable {
  return { ...NOTHING, ...(value as Partial<ContainerTable> | undefined) };
}

function networkTable(value: unknown): NetworkTable {
  return { network: "", names: {}, hosts: {}, ...(value as Partial<NetworkTable> | undefined) };
}
