/**
 * Rules that change ports in packets as they pass, without connections being tracked; linux/netfilter/nf_tables.h.
 */

import { be32 } from "./attributes.ts";
import type { Transport } from "./inet.ts";
import { compare, type Expression, meta, payload, type Rule } from "./nft_rule.ts";

/** What a packet goes to, or comes from: an IPv4 address and a port. */
export interface PortChange {
  transport: Transport;
  end: "source" | "destination";
  /** Four bytes. */
  address: Uint8Array;
  port: number;
  /** The port it has from here on. */
  becomes: number;
}

const META = { NFPROTO: 15, L4PROTO: 16 } as const;
const NFPROTO_IPV4 = 2;
const REGISTER = 1;
const NETWORK_HEADER = 1;
const TRANSPORT_HEADER = 2;
const CHECKSUM_OF_INTERNET = 1;
/** Where the addresses stand in the header of IPv4, and the ports in those of both transports. */
const ENDS = {
  source: { word: "s", address: 12, port: 0 },
  destination: { word: "d", address: 16, port: 2 },
};
/** The protocol's number, and where its header has the checksum. */
const TRANSPORTS = { udp: { number: 17, checksum: 6 }, tcp: { number: 6, checksum: 16 } };

/** The rule that changes one end's port. */
export function changePort({ transport, end, address, port, becomes }: PortChange): Rule {
  const place = ENDS[end];
  const { number, checksum } = TRANSPORTS[transport];
  const portPlace = { base: TRANSPORT_HEADER, offset: place.port, length: 2 };
  return [
    {
      text: `ip ${place.word}addr ${address.join(".")}`,
      expressions: [
        meta(META.NFPROTO),
        compare(Uint8Array.of(NFPROTO_IPV4)),
        payload({ base: NETWORK_HEADER, offset: place.address, length: 4 }),
        compare(address),
      ],
    },
    {
      text: `${transport} ${place.word}port ${port}`,
      expressions: [
        meta(META.L4PROTO),
        compare(Uint8Array.of(number)),
        payload(portPlace),
        compare(portBytes(port)),
      ],
    },
    {
      text: `${transport} ${place.word}port set ${becomes}`,
      expressions: [load(portBytes(becomes)), store(portPlace, checksum)],
    },
  ];
}

function portBytes(port: number): Uint8Array {
  return Uint8Array.of(port >> 8, port & 0xff);
}

function load(value: Uint8Array): Expression {
  return [
    "immediate",
    [
      [1, be32(REGISTER)],
      [2, [[1, value]]],
    ],
  ];
}

function store(
  { base, offset, length }: { base: number; offset: number; length: number },
  checksum: number,
): Expression {
  return [
    "payload",
    [
      [5, be32(REGISTER)],
      [2, be32(base)],
      [3, be32(offset)],
      [4, be32(length)],
      [6, be32(CHECKSUM_OF_INTERNET)],
      [7, be32(checksum)],
    ],
  ];
}
