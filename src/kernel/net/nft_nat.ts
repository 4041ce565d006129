/** Parts of rules that send packets elsewhere: see nft_rule.ts. What goes where stands in maps (nft_map.ts). */

import { type Attribute, be32, text, u32 } from "./attributes.ts";
import type { FieldType } from "./nft_map.ts";
import {
  bitwiseAnd,
  COMPARE,
  compare,
  type Expression,
  META,
  meta,
  type Part,
  payload,
  REGISTER,
  VERDICT_REGISTER,
} from "./nft_rule.ts";

/** The family whose packets a rule is about. */
export type IpFamily = 4 | 6;

const NFPROTO: Readonly<Record<IpFamily, number>> = { 4: 2, 6: 10 };
/** The first 32-bit register; that of 16 bytes, `REGISTER`, begins with it. */
const FIRST_REGISTER = 8;
const ADDRESS = {
  4: { field: "ipv4_addr", word: "ip", registers: 1, destination: { base: 1, offset: 16, length: 4 } },
  6: { field: "ipv6_addr", word: "ip6", registers: 4, destination: { base: 1, offset: 24, length: 16 } },
} as const;
const DESTINATION_PORT = { base: 2, offset: 2, length: 2 } as const;

/** What a map's key has: to which port, by which protocol; with `address` also to which address. */
export interface KeyShape {
  address: boolean;
}

export function destinationKey(family: IpFamily, { address }: KeyShape): FieldType[] {
  return [...(address ? [ADDRESS[family].field] : []), "inet_proto", "inet_service"];
}

/** What the map of `dnatBy` holds for a key: an address, and a port where that changes. */
export function destinationData(family: IpFamily, { port }: { port: boolean }): FieldType[] {
  return [ADDRESS[family].field, ...(port ? (["inet_service"] as const) : [])];
}

/** Sends to where `map` says, and passes on what it has nothing for. `port`: it names a port too, else that stays. */
export function dnatBy(family: IpFamily, map: string, shape: KeyShape & { port: boolean }): Part {
  const { word, registers } = ADDRESS[family];
  const nat: Attribute[] = [
    [1, be32(NAT_DESTINATION)],
    [2, be32(NFPROTO[family])],
    [3, be32(REGISTER)],
    ...(shape.port ? [[5, be32(FIRST_REGISTER + registers)] as const] : []),
  ];
  return {
    text: `dnat ${word} to ${keyText(family, shape)} map @${map}`,
    expressions: [...loadKey(family, shape), lookup(map), ["nat", nat]],
  };
}

/** Sends to the port of this host that `map` names, and passes on what it has nothing for. */
export function redirectBy(family: IpFamily, map: string, shape: KeyShape): Part {
  return {
    text: `redirect to :${keyText(family, shape)} map @${map}`,
    expressions: [...loadKey(family, shape), lookup(map), ["redir", [[1, be32(REGISTER)]]]],
  };
}

const NAT_DESTINATION = 1;

function keyText(family: IpFamily, { address }: KeyShape): string {
  return `${address ? `${ADDRESS[family].word} daddr . ` : ""}meta l4proto . th dport`;
}

/** Each field in registers of its own, one behind the other. */
function loadKey(family: IpFamily, { address }: KeyShape): Expression[] {
  const { registers, destination } = ADDRESS[family];
  const behind = FIRST_REGISTER + (address ? registers : 0);
  return [
    meta(META.NFPROTO),
    compare(Uint8Array.of(NFPROTO[family])),
    ...(address ? [payload(destination)] : []),
    meta(META.L4PROTO, behind),
    payload(DESTINATION_PORT, behind + 1),
  ];
}

function lookup(map: string): Expression {
  return [
    "lookup",
    [
      [1, text(map)],
      [2, be32(REGISTER)],
      [3, be32(REGISTER)],
    ],
  ];
}

const CT_STATUS = 2;
const IPS_DST_NAT = 0x20;

/** What was sent to another address than its sender had named. */
export const wasSentOn: Part = {
  text: "ct status dnat",
  expressions: [
    [
      "ct",
      [
        [1, be32(REGISTER)],
        [2, be32(CT_STATUS)],
      ],
    ],
    bitwiseAnd(u32(IPS_DST_NAT)),
    compare(u32(0), COMPARE.UNEQUAL),
  ],
};

const FIB = { ADDRTYPE: 3, DADDR: 2 } as const;
const RTN_LOCAL = 2;

/** What is for an address of this host. */
export const toThisHost: Part = {
  text: "fib daddr type local",
  expressions: [
    [
      "fib",
      [
        [1, be32(REGISTER)],
        [2, be32(FIB.ADDRTYPE)],
        [3, be32(FIB.DADDR)],
      ],
    ],
    compare(u32(RTN_LOCAL)),
  ],
};

const LOOPBACK_NET = 127;
const SOURCE_BYTE = { base: 1, offset: 12, length: 1 } as const;
const DESTINATION_BYTE = { base: 1, offset: 16, length: 1 } as const;

/** What comes from, or is for, an IPv4 address that means the host itself: 127.0.0.0/8. */
export const fromLoopback: Part = loopback("saddr", SOURCE_BYTE);
export const toLoopback: Part = loopback("daddr", DESTINATION_BYTE);

function loopback(word: string, where: Parameters<typeof payload>[0]): Part {
  return {
    text: `ip ${word} 127.0.0.0/8`,
    expressions: [
      meta(META.NFPROTO),
      compare(Uint8Array.of(NFPROTO[4])),
      payload(where),
      compare(Uint8Array.of(LOOPBACK_NET)),
    ],
  };
}

const NFT_JUMP = -3;

/** Goes through another chain of the table, and on behind it. */
export function jump(chain: string): Part {
  const verdict: Attribute[] = [
    [1, be32(NFT_JUMP >>> 0)],
    [2, text(chain)],
  ];
  return {
    text: `jump ${chain}`,
    expressions: [
      [
        "immediate",
        [
          [1, be32(VERDICT_REGISTER)],
          [2, [[2, verdict]]],
        ],
      ],
    ],
  };
}
