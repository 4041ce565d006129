/**
 * The names on one network as its table has them (NetworkTable of dns/contract.ts), kept endpoint by endpoint.
 *
 * A table is written whole with every container that comes or goes. What it is made of stands ready as text, so that one more
 * container costs the same however many there are.
 */

import { addressesOf } from "./names.ts";
import type { EndpointRecord } from "./records.ts";

type Named = Pick<EndpointRecord, "DnsNames" | "Address" | "Address6">;

export class NetworkNames {
  /** Addresses by container, for each name in lower case. */
  readonly #holders = new Map<string, Map<string, readonly string[]>>();
  readonly #endpoints = new Map<string, Named>();
  /** `"web": ["10.0.0.2"]` by name, and `"10.0.0.2": "web"` by address. */
  readonly #names = new Map<string, string>();
  readonly #hosts = new Map<string, string>();

  get isEmpty(): boolean {
    return this.#endpoints.size === 0;
  }

  /** Has a container found under its endpoint's names, in place of those it had. */
  put(container: string, endpoint: Named): void {
    this.drop(container);
    const { DnsNames, Address, Address6 } = endpoint;
    this.#endpoints.set(container, { DnsNames: [...DnsNames], Address, Address6 });
    const addresses = addressesOf(endpoint);
    for (const name of namesOf(endpoint)) {
      const holders = this.#holders.get(name) ?? new Map<string, readonly string[]>();
      this.#holders.set(name, holders.set(container, addresses));
      this.#tell(name);
    }
    const [first] = DnsNames;
    for (const address of addresses)
      if (first !== undefined)
        this.#hosts.set(address, `${JSON.stringify(address)}: ${JSON.stringify(first)}`);
  }

  drop(container: string): void {
    const endpoint = this.#endpoints.get(container);
    if (endpoint === undefined) return;
    this.#endpoints.delete(container);
    for (const address of addressesOf(endpoint)) this.#hosts.delete(address);
    for (const name of namesOf(endpoint)) {
      this.#holders.get(name)?.delete(container);
      this.#tell(name);
    }
  }

  /** Of several containers by one name all addresses, in the order in which they came. */
  #tell(name: string): void {
    const addresses = [...(this.#holders.get(name)?.values() ?? [])].flat();
    if (addresses.length > 0) this.#names.set(name, `${JSON.stringify(name)}: ${JSON.stringify(addresses)}`);
    else {
      this.#names.delete(name);
      this.#holders.delete(name);
    }
  }

  /** The table as JSON, an entry a line. @param network its name */
  table(network: string): string {
    const listed = (entries: Map<string, string>) => `{\n    ${[...entries.values()].join(",\n    ")}\n  }`;
    const [names, hosts] = [listed(this.#names), listed(this.#hosts)];
    return `{\n  "network": ${JSON.stringify(network)},\n  "names": ${names},\n  "hosts": ${hosts}\n}\n`;
  }
}

function namesOf({ DnsNames }: Named): Set<string> {
  return new Set(DnsNames.map((name) => name.toLowerCase()));
}
