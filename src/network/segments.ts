/** The segments of an engine's networks, each made once. */

import type { NetlinkSocket } from "../kernel/net/mod.ts";
import { defaultNetwork } from "./default_network.ts";
import type { FilteredBridges } from "./filtered.ts";
import type { NetworksOptions } from "./options.ts";
import type { NetworkRecord } from "./records.ts";
import type { Segment, Segments } from "./segment.ts";
import type { RecordStore } from "./store.ts";

export function openSegments(needs: {
  options: NetworksOptions;
  store: RecordStore;
  filtered: FilteredBridges;
  host: () => NetlinkSocket;
}): Segments {
  const segments = new Map<string, Segment>();
  return {
    of(network) {
      const known = segments.get(network.Id);
      const segment = known ?? segmentOf(network, needs);
      if (known === undefined && segment !== undefined) segments.set(network.Id, segment);
      return segment;
    },
    all: () => segments.values(),
  };
}

function segmentOf(network: NetworkRecord, needs: Parameters<typeof openSegments>[0]): Segment | undefined {
  return network.Driver === "bridge" ? defaultNetwork(network, needs) : undefined;
}
