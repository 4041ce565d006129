/**
 * The rules of this host, everybody's: tables, chains, rules and sets as nftables has them, iptables' own over it included;
 * linux/netfilter/nf_tables.h. Read only. What an expression means is not known here: each is its name and its attributes.
 */

import { type Attribute, decodeAttributes, decodeList, readBe32, readText, text } from "./attributes.ts";
import { NETLINK, type NetlinkSocket, openNetlink } from "./netlink.ts";

/** One expression of a rule: its name, and its attributes by type. */
export interface HostExpression {
  name: string;
  data: Uint8Array;
}

export interface HostRule {
  /** By which nft(8) names it in its chain: `nft -a list ruleset`. */
  handle: number;
  expressions: readonly HostExpression[];
}

/** The hooks of netfilter, in the kernel's order. */
const HOOKS = ["prerouting", "input", "forward", "output", "postrouting"] as const;
export type Hook = (typeof HOOKS)[number];

export interface HostChain {
  name: string;
  /** Where the kernel calls it; undefined for one that is only jumped to. */
  base: { type: string; hook: Hook; priority: number; drops: boolean } | undefined;
  rules: HostRule[];
}

/** An element of a set: bounds as the kernel has them, and what a map gives for it. */
export interface HostElement {
  key: Uint8Array;
  /** The last key it stands for, in a set of concatenated ranges. */
  end: Uint8Array | undefined;
  flags: number;
  data: Uint8Array | undefined;
  /** As the kernel told it. */
  whole: Uint8Array;
}

export interface HostSet {
  name: string;
  flags: number;
  /** Bytes of each part of a key that is made of several; empty for a plain one. */
  fields: readonly number[];
  elements: readonly HostElement[];
  /** Its attributes as the kernel told them. */
  whole: Uint8Array;
}

export type Family = "inet" | "ip" | "ip6";

export interface HostTable {
  family: Family;
  name: string;
  /** `nft`, or `legacy` for iptables' own tables in the kernel, beside nftables. */
  kept: "nft" | "legacy";
  chains: ReadonlyMap<string, HostChain>;
  sets: ReadonlyMap<string, HostSet>;
}

const FAMILIES: ReadonlyMap<number, Family> = new Map([
  [1, "inet"],
  [2, "ip"],
  [10, "ip6"],
]);
const NUMBERS: Readonly<Record<Family, number>> = { inet: 1, ip: 2, ip6: 10 };
const SUBSYSTEM = 10;
const NFT = { GETTABLE: 1, GETCHAIN: 4, GETRULE: 7, GETSET: 10, GETSETELEM: 13 } as const;

interface Found {
  family: Family;
  attributes: Map<number, Uint8Array>;
  bytes: Uint8Array;
}

/** The tables of the families inet, ip and ip6 in this thread's network namespace. @throws {SyscallError} */
export function readRuleSet(): HostTable[] {
  using socket = openNetlink(NETLINK.NETFILTER);
  const chains = dump(socket, NFT.GETCHAIN);
  const rules = dump(socket, NFT.GETRULE);
  const sets = dump(socket, NFT.GETSET);
  return dump(socket, NFT.GETTABLE).map(({ family, attributes }) => {
    const name = readText(attributes.get(1));
    const here = (one: Found) => one.family === family && readText(one.attributes.get(1)) === name;
    const own = new Map(chains.filter(here).map(chainOf));
    for (const { attributes: rule } of rules.filter(here))
      own.get(readText(rule.get(2)))?.rules.push(ruleOf(rule));
    return {
      family,
      name,
      kept: "nft",
      chains: own,
      sets: new Map(sets.filter(here).map((one) => setOf(socket, one))),
    };
  });
}

function dump(
  socket: NetlinkSocket,
  type: number,
  { family = 0, attributes = [] }: { family?: number; attributes?: Attribute[] } = {},
): Found[] {
  const message = { type: (SUBSYSTEM << 8) | type, header: Uint8Array.of(family, 0, 0, 0), attributes };
  return socket.dump(message, "list the host's rules").flatMap(({ body }) => {
    const found = FAMILIES.get(body[0] ?? 0);
    const bytes = body.subarray(4);
    return found === undefined ? [] : [{ family: found, attributes: decodeAttributes(bytes), bytes }];
  });
}

const DROP = 0;

function chainOf({ attributes }: Found): [string, HostChain] {
  const name = readText(attributes.get(3));
  const hook = attributes.get(4);
  if (hook === undefined) return [name, { name, base: undefined, rules: [] }];
  const place = decodeAttributes(hook);
  const base = {
    type: readText(attributes.get(7)),
    hook: HOOKS[readBe32(place.get(1))] ?? "forward",
    priority: readBe32(place.get(2)) | 0,
    drops: attributes.has(5) && readBe32(attributes.get(5)) === DROP,
  };
  return [name, { name, base, rules: [] }];
}

function ruleOf(rule: Map<number, Uint8Array>): HostRule {
  const expressions = decodeList(rule.get(4)).map((bytes) => {
    const parts = decodeAttributes(bytes);
    return { name: readText(parts.get(1)), data: parts.get(2) ?? new Uint8Array() };
  });
  return { handle: readHandle(rule.get(3)), expressions };
}

/** Eight bytes in network order. */
function readHandle(bytes: Uint8Array | undefined): number {
  return bytes === undefined ? 0 : readBe32(bytes) * 2 ** 32 + readBe32(bytes.subarray(4));
}

function setOf(socket: NetlinkSocket, { family, attributes, bytes }: Found): [string, HostSet] {
  const [table, name] = [readText(attributes.get(1)), readText(attributes.get(2))];
  const lists = dump(socket, NFT.GETSETELEM, {
    family: NUMBERS[family],
    attributes: [
      [1, text(table)],
      [2, text(name)],
    ],
  });
  const elements = lists.flatMap((list) => decodeList(list.attributes.get(3)).map(elementOf));
  const concatenation = decodeAttributes(attributes.get(9) ?? new Uint8Array()).get(2);
  const fields = decodeList(concatenation).map((field) => readBe32(decodeAttributes(field).get(1)));
  return [name, { name, flags: readBe32(attributes.get(3)), fields, elements, whole: bytes }];
}

function elementOf(whole: Uint8Array): HostElement {
  const parts = decodeAttributes(whole);
  const value = (bytes: Uint8Array | undefined) => bytes && decodeAttributes(bytes).get(1);
  return {
    key: value(parts.get(1)) ?? new Uint8Array(),
    end: value(parts.get(10)),
    flags: readBe32(parts.get(3)),
    data: parts.get(2),
    whole,
  };
}
