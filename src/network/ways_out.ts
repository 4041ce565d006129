/** By which of its networks a container reaches the outside. Pure. */

import type { Family } from "../std/ip.ts";
import type { EndpointRecord, NetworkRecord } from "./records.ts";

/** For each family the endpoint by whose gateway, or link, all else goes; undefined where none leads out. */
export type WaysOut = Readonly<Record<Family, EndpointRecord | undefined>>;

/**
 * The network with the highest priority; of equal ones that whose name comes first, as in Docker, so that it does not depend on
 * the order in which they were connected.
 */
export function waysOut(
  endpoints: readonly EndpointRecord[],
  networks: ReadonlyMap<string, NetworkRecord>,
): WaysOut {
  const name = ({ Network }: EndpointRecord) => networks.get(Network)?.Name ?? "";
  const ordered = [...endpoints].sort(
    (a, b) => priority(b) - priority(a) || (name(a) < name(b) ? -1 : Number(name(a) > name(b))),
  );
  return {
    4: ordered.find(({ Gateway, Address, ByLink }) => Gateway !== "" || (ByLink && Address !== "")),
    6: ordered.find(({ Gateway6, Address6, ByLink }) => Gateway6 !== "" || (ByLink && Address6 !== "")),
  };
}

function priority({ Asked }: EndpointRecord): number {
  return Asked.GwPriority ?? 0;
}
