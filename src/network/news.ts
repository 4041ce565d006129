/**
 * Of which of a container's addresses its neighbours have to be told.
 *
 * A MAC address follows from the IP address unless somebody asks for another, so that most who get an address are found where the
 * last who had it was. Telling everybody all the same would have each start wake every container on the network.
 */

import { addressesOf } from "./names.ts";
import type { EndpointRecord, NetworkRecord } from "./records.ts";
import type { EndpointPlan } from "./sandbox.ts";
import type { Junction } from "./segment.ts";
import type { State } from "./state.ts";

/** How an endpoint is to be made on its network. */
export function planWithNews(
  { books }: Pick<State, "books">,
  { network, junction }: { network: NetworkRecord; junction: Junction },
  endpoint: EndpointRecord,
): EndpointPlan {
  const { Mac, Asked } = endpoint;
  const isNews = (address: string) => {
    const before = books.moveTo(network, address, Mac);
    return junction.shared || (before === undefined ? Boolean(Asked.MacAddress) : before !== Mac);
  };
  // Those without a MAC address of their own are found where their parent is.
  return { endpoint, junction, news: Mac === "" ? [] : addressesOf(endpoint).filter(isNews) };
}
