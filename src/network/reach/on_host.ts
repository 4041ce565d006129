/**
 * From where the ports of a container on the host's network are reached: what is for them meets the host's rules at the hook input, as
 * what is for any program of the host. Pure.
 */

import type { ReachPort, ReachWay } from "../../spec/reach.ts";
import { familyOf, isEvery, placeText } from "../ports/port.ts";
import { closed, isLoopback, judged, judgeInput, type ReachFacts, way } from "./reach.ts";

type HostFacts = Pick<ReachFacts, "tables" | "sockets" | "outside" | "hostAddress">;

/** One entry for each port that a program of the container listens on, in the order of ports. */
export function reachOnHost(facts: HostFacts): ReachPort[] {
  const ports = Map.groupBy(facts.sockets, ({ port, protocol }) => `${port}/${protocol}`);
  return [...ports.values()]
    .flatMap((sockets) => {
      const [first] = sockets;
      if (first === undefined) return [];
      const { port: Port, protocol: Protocol } = first;
      const ListensAt = sockets.map(({ address }) => address);
      return [{ Port, Protocol, ListensAt, Ways: sockets.flatMap((one) => waysTo(facts, one)) }];
    })
    .sort((a, b) => a.Port - b.Port);
}

function waysTo(facts: HostFacts, { address, port, protocol }: ReachFacts["sockets"][number]): ReachWay[] {
  const at = placeText(address, port);
  const local = way("host", at, "a program of the container listens there");
  if (isLoopback(address))
    return [
      local,
      closed(way("outside", at, ""), `its program listens at the host's loopback, ${address}, only`),
    ];
  const families = address === "::" ? ([6, 4] as const) : [familyOf(address)];
  const outside = families.map((family) => {
    const to = isEvery(address) ? facts.hostAddress[family] : address;
    const judgement = judgeInput(facts.tables, { port, protocol }, { address: to, outside: facts.outside });
    return judged("outside", placeText(isEvery(address) ? EVERY[family] : address, port), [judgement]);
  });
  return [local, ...outside];
}

const EVERY = { 4: "0.0.0.0", 6: "::" } as const;
