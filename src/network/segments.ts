/** The segments of an engine's networks, each made once. */

import { bridgeNetwork } from "./bridge_network.ts";
import { defaultNetwork } from "./default_network.ts";
import { parentNetwork } from "./parent_network.ts";
import type { NetworkRecord } from "./records.ts";
import type { Segment, SegmentNeeds, Segments } from "./segment.ts";

export function openSegments(needs: SegmentNeeds): Segments {
  const segments = new Map<string, Segment>();
  const of = (network: NetworkRecord): Segment | undefined => {
    const known = segments.get(network.Id);
    const segment = known ?? segmentOf(network, needs);
    if (known === undefined && segment !== undefined) segments.set(network.Id, segment);
    return segment;
  };
  return {
    of,
    remove(network) {
      of(network)?.remove();
      segments.delete(network.Id);
    },
  };
}

function segmentOf(network: NetworkRecord, needs: SegmentNeeds): Segment | undefined {
  if (network.ConfigOnly) return undefined;
  switch (network.Driver) {
    case "bridge":
      return network.Name === "bridge" ? defaultNetwork(network, needs) : bridgeNetwork(network, needs);
    case "macvlan":
    case "ipvlan":
      return parentNetwork(network, needs);
    case "host":
    case "null":
      return undefined;
  }
}
