/**
 * Connections that the kernel keeps track of, by ctnetlink; linux/netfilter/nfnetlink_conntrack.h.
 *
 * Of each the kernel remembers where its packets go on to, and asks the rules no more. A flow of UDP, which nobody ends, would go to
 * where a container was long after it has gone; whoever changes what the rules say has the kernel forget such flows.
 */

import { type Attribute, decodeAttributes, u32 } from "./attributes.ts";
import { type Message, NETLINK, openNetlink } from "./netlink.ts";

/** One direction of a flow. Addresses are bytes, 4 or 16; ports are 0 where the protocol has none. */
export interface FlowTuple {
  source: Uint8Array;
  destination: Uint8Array;
  sourcePort: number;
  destinationPort: number;
}

/** As its first packet was sent, and as answers to it come. */
export interface Flow {
  protocol: number;
  original: FlowTuple;
  reply: FlowTuple;
}

const SUBSYSTEM = 1;
const MESSAGE = { GET: 1, DELETE: 2 } as const;
const AF = { INET: 2, INET6: 10 } as const;
const CTA = { TUPLE_ORIG: 1, TUPLE_REPLY: 2, FILTER: 25 } as const;
const TUPLE = { IP: 1, PROTO: 2 } as const;
const IP = { V4_SRC: 1, V4_DST: 2, V6_SRC: 3, V6_DST: 4 } as const;
const PROTO = { NUM: 1, SRC_PORT: 2, DST_PORT: 3 } as const;
const FILTER = { ORIG_FLAGS: 1, REPLY_FLAGS: 2 } as const;
const BY_PROTOCOL = 1 << 3;

/** All flows of a protocol, by its number, in one family; the kernel chooses them. @throws {SyscallError} */
export function listFlows(family: 4 | 6, protocol: number): Flow[] {
  using socket = openNetlink(NETLINK.NETFILTER);
  const filter: Attribute[] = [
    [FILTER.ORIG_FLAGS, u32(BY_PROTOCOL)],
    [FILTER.REPLY_FLAGS, u32(0)],
  ];
  const attributes: Attribute[] = [
    [CTA.TUPLE_ORIG, [[TUPLE.PROTO, [[PROTO.NUM, Uint8Array.of(protocol)]]]]],
    [CTA.FILTER, filter],
  ];
  return socket
    .dump(message(MESSAGE.GET, family, attributes), "list connections")
    .map(({ body }) => parseFlow(body))
    .filter((flow) => flow.protocol === protocol);
}

/** The flow that packets of such a tuple belong to, in either direction; undefined where there is none. @throws {SyscallError} */
export function findFlow(protocol: number, tuple: FlowTuple): Flow | undefined {
  using socket = openNetlink(NETLINK.NETFILTER);
  const attributes: Attribute[] = [[CTA.TUPLE_REPLY, tupleAttributes(protocol, tuple)]];
  const reply = socket.ask(message(MESSAGE.GET, familyOf(tuple), attributes), "look for a connection");
  return reply && parseFlow(reply.body);
}

/** Has the kernel forget a flow: its next packet is a new one's first. No error where it has gone. @throws {SyscallError} */
export function forgetFlow({ protocol, original }: Flow, what: string): void {
  using socket = openNetlink(NETLINK.NETFILTER);
  const attributes: Attribute[] = [[CTA.TUPLE_ORIG, tupleAttributes(protocol, original)]];
  socket.request(
    message(MESSAGE.DELETE, familyOf(original), attributes),
    {
      shown: `IPCTNL_MSG_CT_DELETE {protocol=${protocol}, dport=${original.destinationPort}}`,
      what,
      see: "conntrack -L",
    },
    ["ENOENT"],
  );
}

function message(type: number, family: 4 | 6, attributes: readonly Attribute[]): Message {
  const number = family === 4 ? AF.INET : AF.INET6;
  return { type: (SUBSYSTEM << 8) | type, header: Uint8Array.of(number, 0, 0, 0), attributes };
}

function familyOf({ source }: FlowTuple): 4 | 6 {
  return source.length === 4 ? 4 : 6;
}

function tupleAttributes(protocol: number, tuple: FlowTuple): Attribute[] {
  const isV4 = familyOf(tuple) === 4;
  const addresses: Attribute[] = [
    [isV4 ? IP.V4_SRC : IP.V6_SRC, tuple.source],
    [isV4 ? IP.V4_DST : IP.V6_DST, tuple.destination],
  ];
  const ports: Attribute[] = [
    [PROTO.NUM, Uint8Array.of(protocol)],
    [PROTO.SRC_PORT, be16(tuple.sourcePort)],
    [PROTO.DST_PORT, be16(tuple.destinationPort)],
  ];
  return [
    [TUPLE.IP, addresses],
    [TUPLE.PROTO, ports],
  ];
}

function parseFlow(body: Uint8Array): Flow {
  const attributes = decodeAttributes(body.subarray(4));
  const original = parseTuple(attributes.get(CTA.TUPLE_ORIG));
  const reply = parseTuple(attributes.get(CTA.TUPLE_REPLY));
  return { protocol: original.protocol, original: original.tuple, reply: reply.tuple };
}

function parseTuple(bytes: Uint8Array = NOTHING): { protocol: number; tuple: FlowTuple } {
  const parts = decodeAttributes(bytes);
  const addresses = decodeAttributes(parts.get(TUPLE.IP) ?? NOTHING);
  const ports = decodeAttributes(parts.get(TUPLE.PROTO) ?? NOTHING);
  return {
    protocol: ports.get(PROTO.NUM)?.[0] ?? 0,
    tuple: {
      source: addresses.get(IP.V4_SRC) ?? addresses.get(IP.V6_SRC) ?? NOTHING,
      destination: addresses.get(IP.V4_DST) ?? addresses.get(IP.V6_DST) ?? NOTHING,
      sourcePort: readBe16(ports.get(PROTO.SRC_PORT)),
      destinationPort: readBe16(ports.get(PROTO.DST_PORT)),
    },
  };
}

const NOTHING = new Uint8Array();

function be16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}

function readBe16(bytes: Uint8Array = NOTHING): number {
  return ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0);
}
