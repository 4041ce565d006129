/**
 * Copies of others' rules in tables of the engine's own, made of the very bytes that the kernel told of them, so that they say the
 * same whatever they are; linux/netfilter/nf_tables.h. The originals are not touched.
 */

import { type Attribute, be32, decodeAttributes, text } from "./attributes.ts";
import { type Message, NETLINK, NLM_F, openNetlink } from "./netlink.ts";
import { expressionList, type Rule } from "./nft_rule.ts";
import { batch, header, NFT, SUBSYSTEM } from "./nftables.ts";
import type { Family, HostExpression, HostSet } from "./rule_set.ts";

/** A rule of the engine's, or one that is copied. */
export type CopiedRule = { own: Rule } | { copied: readonly HostExpression[] };

/** A table that has copies. */
export interface CopyTable {
  family: Family;
  name: string;
  chains: readonly {
    name: string;
    /** Before the kernel looks where a packet goes: the hook prerouting, at this priority. */
    priority?: number;
    rules: readonly CopiedRule[];
  }[];
  sets: readonly HostSet[];
}

const FAMILY_NUMBERS: Readonly<Record<Family, number>> = { inet: 1, ip: 2, ip6: 10 };

/** Puts these tables in place of those, all at once. @throws {SyscallError} */
export function replaceCopies(
  gone: readonly Pick<CopyTable, "family" | "name">[],
  tables: readonly CopyTable[],
): void {
  const messages = [...gone.flatMap(removalOf), ...tables.flatMap(creationOf)];
  if (messages.length === 0) return;
  const names = tables.map(({ family, name }) => `${family} ${name}`).join(", ");
  using socket = openNetlink(NETLINK.NETFILTER);
  socket.transact(batch(messages), {
    shown: `tables ${names || "none"}, with copies of the host's chains at the hook input`,
    what: "ask the host's own rules about published ports",
    see: "nft list ruleset",
  });
}

function message(
  type: number,
  attributes: readonly Attribute[],
  { family, flags }: { family: Family; flags: number },
): Message {
  return { type: (SUBSYSTEM << 8) | type, flags, header: header(FAMILY_NUMBERS[family]), attributes };
}

function removalOf({ family, name }: Pick<CopyTable, "family" | "name">): Message[] {
  return [message(NFT.DELTABLE, [[1, text(name)]], { family, flags: 0 })];
}

const PREROUTING = 0;
const ACCEPT = 1;

/** Chains come before sets, since maps of verdicts name them; rules come last. */
function creationOf({ family, name, chains, sets }: CopyTable): Message[] {
  const make = (type: number, attributes: Attribute[], flags: number = NLM_F.CREATE) =>
    message(type, attributes, { flags, family });
  return [
    make(NFT.NEWTABLE, [[1, text(name)]]),
    ...chains.map((chain) =>
      make(NFT.NEWCHAIN, [
        [1, text(name)],
        [3, text(chain.name)],
        ...(chain.priority === undefined ? [] : placeOf(chain.priority)),
      ]),
    ),
    ...sets.flatMap((set, index) => [
      make(NFT.NEWSET, setAttributes(name, set, index + 1)),
      ...elementLists(name, set).map((attributes) => make(NFT.NEWSETELEM, attributes)),
    ]),
    ...chains.flatMap((chain) =>
      chain.rules.map((rule) =>
        make(
          NFT.NEWRULE,
          [
            [1, text(name)],
            [2, text(chain.name)],
            [4, "own" in rule ? expressionList(rule.own) : copiedList(rule.copied)],
          ],
          NLM_F.CREATE | NLM_F.APPEND,
        ),
      ),
    ),
  ];
}

function placeOf(priority: number): Attribute[] {
  const place: Attribute[] = [
    [1, be32(PREROUTING)],
    [2, be32(priority)],
  ];
  return [
    [4, place],
    [5, be32(ACCEPT)],
    [7, text("filter")],
  ];
}

function copiedList(expressions: readonly HostExpression[]): Attribute[] {
  return expressions.map(({ name, data }): Attribute => {
    return [
      1,
      [
        [1, text(name)],
        [2, data],
      ],
    ];
  });
}

/** With those that are only told. */
const SET = { TABLE: 1, NAME: 2, FLAGS: 3, ID: 10, HANDLE: 16, TYPE: 19, COUNT: 20 } as const;
const ANONYMOUS = 1;

/** One without a name of its own is given that by which the kernel told of it. */
function setAttributes(table: string, { name, flags, whole }: HostSet, id: number): Attribute[] {
  const told = [...decodeAttributes(whole)].filter(([type]) => !Object.values<number>(SET).includes(type));
  return [
    [SET.TABLE, text(table)],
    [SET.NAME, text(name)],
    [SET.FLAGS, be32(flags & ~ANONYMOUS)],
    [SET.ID, be32(id)],
    ...told,
  ];
}

/** An attribute has at most 65,535 bytes. */
const MOST_IN_A_MESSAGE = 400;

function elementLists(table: string, { name, elements }: HostSet): Attribute[][] {
  const lists: Attribute[][] = [];
  for (let at = 0; at < elements.length; at += MOST_IN_A_MESSAGE)
    lists.push([
      [1, text(table)],
      [2, text(name)],
      [3, elements.slice(at, at + MOST_IN_A_MESSAGE).map(({ whole }): Attribute => [1, whole])],
    ]);
  return lists;
}
