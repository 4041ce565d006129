/**
 * Rules of nftables, each part as the text a person reads and the expressions the kernel runs; linux/netfilter/nf_tables.h.
 *
 * A rule is a list of parts: matches, then what is done. An expression loads a value into a register or compares it:
 * `iifname "fathom0"` is meta (load) and cmp (compare). Network numbers are in network order, the kernel's own in the host's.
 */

import { ipBytes, maskOf, type Subnet, subnetText } from "../../std/ip.ts";
import { type Attribute, be32, be64, text, u32 } from "./attributes.ts";

/** One part of a rule. */
export interface Part {
  /** As `nft list` shows it. */
  text: string;
  expressions: readonly Expression[];
}

/** A name, and what the expression is given. */
export type Expression = readonly [name: string, data: readonly Attribute[]];

export type Rule = readonly Part[];

/** That of 16 bytes which the parts of rules use. */
export const REGISTER = 1;
export const VERDICT_REGISTER = 0;
export const META = { OIFNAME: 7, IIFNAME: 6, NFPROTO: 15, L4PROTO: 16 } as const;
export const COMPARE = { EQUAL: 0, UNEQUAL: 1 } as const;
const NFPROTO_IPV4 = 2;
const NFPROTO_IPV6 = 10;
const IFNAMSIZ = 16;

/** What comes in by a link. */
export const iifname = (name: string): Part => linkName("iifname", META.IIFNAME, { name, is: true });
/** What leaves by a link. */
export const oifname = (name: string): Part => linkName("oifname", META.OIFNAME, { name, is: true });
/** What leaves by another link. */
export const notOifname = (name: string): Part => linkName("oifname", META.OIFNAME, { name, is: false });

function linkName(word: string, key: number, { name, is }: { name: string; is: boolean }): Part {
  const padded = new Uint8Array(IFNAMSIZ);
  padded.set(new TextEncoder().encode(name).subarray(0, IFNAMSIZ - 1));
  return {
    text: `${word} ${is ? "" : "!= "}"${name}"`,
    expressions: [meta(key), compare(padded, is ? COMPARE.EQUAL : COMPARE.UNEQUAL)],
  };
}

const SOURCE_ADDRESS = {
  4: { word: "ip", protocol: NFPROTO_IPV4, place: { base: 1, offset: 12, length: 4 } },
  6: { word: "ip6", protocol: NFPROTO_IPV6, place: { base: 1, offset: 8, length: 16 } },
} as const;

/** What comes from a network. */
export function sourceNetwork(subnet: Subnet): Part {
  const { word, protocol, place } = SOURCE_ADDRESS[subnet.family];
  return {
    text: `${word} saddr ${subnetText(subnet)}`,
    expressions: [
      meta(META.NFPROTO),
      compare(Uint8Array.of(protocol)),
      payload(place),
      bitwiseAnd(ipBytes({ family: subnet.family, value: maskOf(subnet) })),
      compare(ipBytes({ family: subnet.family, value: subnet.base })),
    ],
  };
}

const CT_STATE = 0;
const ESTABLISHED_OR_RELATED = 0x2 | 0x4;

/** What belongs to a connection that was let through. */
export const established: Part = {
  text: "ct state established,related",
  expressions: [
    [
      "ct",
      [
        [1, be32(REGISTER)],
        [2, be32(CT_STATE)],
      ],
    ],
    bitwiseAnd(u32(ESTABLISHED_OR_RELATED)),
    compare(u32(0), COMPARE.UNEQUAL),
  ],
};

/** Counts packets and bytes: `nft list` shows them. */
export const counter: Part = {
  text: "counter",
  expressions: [
    [
      "counter",
      [
        [1, be64(0n)],
        [2, be64(0n)],
      ],
    ],
  ],
};

const NFT_RETURN = 0xffff_fffb;

/** Sends on under the address of the link it leaves by. */
export const masquerade: Part = { text: "masquerade", expressions: [["masq", []]] };

export const accept: Part = verdict("accept", 1);
export const drop: Part = verdict("drop", 0);
/** Goes through no further rule of this chain. */
export const leave: Part = verdict("return", NFT_RETURN);

function verdict(word: string, code: number): Part {
  const attributes: Attribute[] = [
    [1, be32(VERDICT_REGISTER)],
    [2, [[2, [[1, be32(code)]]]]],
  ];
  return { text: word, expressions: [["immediate", attributes]] };
}

export function meta(key: number, register: number = REGISTER): Expression {
  return [
    "meta",
    [
      [2, be32(key)],
      [1, be32(register)],
    ],
  ];
}

export function compare(value: Uint8Array, operator: number = COMPARE.EQUAL): Expression {
  return [
    "cmp",
    [
      [1, be32(REGISTER)],
      [2, be32(operator)],
      [3, [[1, value]]],
    ],
  ];
}

/** Bytes of a packet: of its network header (base 1) or its transport header (2). */
export function payload(
  { base, offset, length }: { base: number; offset: number; length: number },
  register: number = REGISTER,
): Expression {
  return [
    "payload",
    [
      [1, be32(register)],
      [2, be32(base)],
      [3, be32(offset)],
      [4, be32(length)],
    ],
  ];
}

export function bitwiseAnd(mask: Uint8Array): Expression {
  return [
    "bitwise",
    [
      [1, be32(REGISTER)],
      [2, be32(REGISTER)],
      [3, be32(mask.length)],
      [4, [[1, mask]]],
      [5, [[1, new Uint8Array(mask.length)]]],
    ],
  ];
}

/** A rule as `nft list` shows it. */
export function ruleText(rule: Rule): string {
  return rule.map((part) => part.text).join(" ");
}

/** The attribute that holds a rule's expressions. */
export function expressionList(rule: Rule): Attribute[] {
  return rule
    .flatMap(({ expressions }) => expressions)
    .map(([name, data]) => [
      1,
      [
        [1, text(name)],
        [2, data],
      ],
    ]);
}
