/** The match of a port that a packet is for. See nft_rule.ts. */

import { be32 } from "./attributes.ts";
import { compare, type Expression, meta, type Part, payload } from "./nft_rule.ts";

const META_L4PROTO = 16;
/** The same in the headers of TCP, UDP and SCTP. */
const DESTINATION_PORT = { base: 2, offset: 2, length: 2 } as const;
const REGISTER = 1;
const EQUAL = 0;

/** What is for one of these ports. */
export function toPorts(protocol: { name: string; number: number }, first: number, last: number): Part {
  const port = (value: number) => Uint8Array.of(value >> 8, value & 0xff);
  const isOne = first === last;
  return {
    text: `meta l4proto ${protocol.name} th dport ${isOne ? first : `${first}-${last}`}`,
    expressions: [
      meta(META_L4PROTO),
      compare(Uint8Array.of(protocol.number)),
      payload(DESTINATION_PORT),
      isOne ? compare(port(first)) : between(port(first), port(last)),
    ],
  };
}

function between(first: Uint8Array, last: Uint8Array): Expression {
  return [
    "range",
    [
      [1, be32(REGISTER)],
      [2, be32(EQUAL)],
      [3, [[1, first]]],
      [4, [[1, last]]],
    ],
  ];
}
