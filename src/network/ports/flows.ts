/**
 * Flows of UDP that the kernel would lead where they went before a port was published, or after.
 *
 * A client that goes on sending from one port is one flow to the kernel, which asked the rules for its first packet only.
 */

import { type Flow, forgetFlow, listFlows } from "../../kernel/net/mod.ts";
import type { SandboxRecord } from "../records.ts";
import type { Target } from "./maps.ts";
import { ipBytes, PROTOCOL_NUMBERS } from "./port.ts";

const UDP = PROTOCOL_NUMBERS.udp;

/** Those that were sent on to a container which is no more. @throws {SyscallError} */
export function forgetFlowsOf(target: Target): void {
  for (const [family, address] of addressesOf(target)) {
    for (const flow of listFlows(family, UDP))
      if (isSentOnTo(flow, address)) forgetFlow(flow, "forget a flow of UDP to a container that has ended");
  }
}

/** Those to ports that now lead to a container, and which do not go there. @throws {SyscallError} */
export function forgetFlowsTo({ Ports: ranges = [] }: SandboxRecord, target: Target): void {
  const published = ranges.filter(({ Protocol }) => Protocol === "udp");
  const isPublished = ({ original: { destinationPort: port } }: Flow) =>
    published.some(({ HostPort, Count }) => port >= HostPort && port < HostPort + Count);
  const addresses = addressesOf(target).map(([, address]) => address);
  for (const family of [4, 6] as const) {
    for (const flow of listFlows(family, UDP)) {
      if (!isPublished(flow) || addresses.some((address) => same(flow.reply.source, address))) continue;
      forgetFlow(
        flow,
        `forget a flow of UDP to port ${flow.original.destinationPort}, which is published now`,
      );
    }
  }
}

function addressesOf({ address4, address6 }: Target): [4 | 6, Uint8Array][] {
  return [
    ...(address4 === "" ? [] : [[4, ipBytes(address4)] as [4, Uint8Array]]),
    ...(address6 === "" ? [] : [[6, ipBytes(address6)] as [6, Uint8Array]]),
  ];
}

function isSentOnTo({ original, reply }: Flow, address: Uint8Array): boolean {
  return same(reply.source, address) && !same(original.destination, address);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
