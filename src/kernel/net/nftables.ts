/**
 * Tables of nftables, each replaced whole in one transaction; linux/netfilter/nfnetlink.h and nf_tables.h.
 *
 * An engine has a table of its own and touches no other, so that it neither flushes nor reorders anybody's rules. What its table
 * accepts another's may still drop: `readRuleSet` tells what those say. No program `nft` is needed.
 */

import { ERRNO, SyscallError } from "../errno.ts";
import { type Attribute, be32, decodeAttributes, decodeList, readText, text } from "./attributes.ts";
import { type Message, NETLINK, NLM_F, openNetlink } from "./netlink.ts";
import { elementAttributes, type MapElement, mapAttributes, mapText, type NftMap } from "./nft_map.ts";
import { expressionList, type Rule, ruleText } from "./nft_rule.ts";

/** A chain that other chains jump to. */
interface PlainChain {
  name: string;
  rules: readonly Rule[];
}

/** A chain, and where the kernel calls it. */
interface BaseChain extends PlainChain {
  type: "filter" | "nat";
  hook: keyof typeof HOOKS;
  /** Lower ones run earlier. */
  priority: number;
}

export type Chain = BaseChain | PlainChain;

/** A table of the family inet: IPv4 and IPv6. */
export interface Table {
  name: string;
  maps?: readonly NftMap[];
  chains: readonly Chain[];
}

const HOOKS = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 } as const;
const ACCEPT = 1;
export const SUBSYSTEM = 10;
export const NFT = {
  NEWTABLE: 0,
  DELTABLE: 2,
  NEWCHAIN: 3,
  GETCHAIN: 4,
  NEWRULE: 6,
  GETRULE: 7,
  NEWSET: 9,
  NEWSETELEM: 12,
  GETSETELEM: 13,
  DELSETELEM: 14,
} as const;
const BATCH = { BEGIN: 0x10, END: 0x11 } as const;
const NFPROTO = { UNSPEC: 0, INET: 1 } as const;

/** Puts a table in place of the one of its name, if there is one: at once or not at all. @throws {SyscallError} */
export function replaceTable(table: Table): void {
  using socket = openNetlink(NETLINK.NETFILTER);
  socket.transact(batch([...removal(table.name), ...creation(table)]), {
    shown: tableText(table),
    what: `put the rules of table inet ${table.name} in place`,
    see: `nft list table inet ${table.name}`,
  });
}

/** What is to be in a map, and what no longer. */
export interface MapChange {
  map: Pick<NftMap, "name" | "intervals">;
  add?: readonly MapElement[];
  remove?: readonly MapElement[];
}

/**
 * Changes what is in a table's maps: at once or not at all.
 * @param what for a person: `publish 8080/tcp`
 * @throws {SyscallError} EEXIST or ENOTEMPTY for a key that overlaps one which is there, ENOENT for one to remove which is not.
 */
export function changeMaps(table: string, changes: readonly MapChange[], what: string): void {
  using socket = openNetlink(NETLINK.NETFILTER);
  const messages = changes.flatMap(({ map, add = [], remove = [] }) => [
    // By their keys alone: what they lead to may have changed.
    ...elementMessages(
      NFT.DELSETELEM,
      { table, map },
      remove.map(({ key }) => ({ key, data: [] })),
    ),
    ...elementMessages(NFT.NEWSETELEM, { table, map }, add),
  ]);
  if (messages.length === 0) return;
  const shown = changes.map(
    ({ map, add = [], remove = [] }) => `${map.name}: ${add.length} added, ${remove.length} removed`,
  );
  socket.transact(batch(messages), {
    shown: `change maps of inet ${table} { ${shown.join("; ")} }`,
    what,
    see: `nft list table inet ${table}`,
  });
}

/**
 * Makes a table; one of its name that is there stays as it is. Unlike a replacement, which waits some 10 ms until no processor uses
 * what it takes away, this is done at once.
 * @throws {SyscallError}
 */
export function addTable(table: Table): void {
  using socket = openNetlink(NETLINK.NETFILTER);
  const [first, ...rest] = creation(table);
  if (first === undefined) return;
  const exclusive = { ...first, flags: (first.flags ?? 0) | NLM_F.EXCL };
  try {
    socket.transact(batch([exclusive, ...rest]), {
      shown: tableText(table),
      what: `make table inet ${table.name}`,
      see: `nft list table inet ${table.name}`,
    });
  } catch (error) {
    if (!(error instanceof SyscallError && error.errno === ERRNO.EEXIST)) throw error;
  }
}

/** Takes a table away; no error where there is none. @throws {SyscallError} */
export function removeTable(name: string): void {
  using socket = openNetlink(NETLINK.NETFILTER);
  socket.transact(batch(removal(name)), {
    shown: `delete table inet ${name}`,
    what: `take table inet ${name} away`,
    see: "nft list tables",
  });
}

/** Whether a table has all the maps and chains, and as many elements and rules in each, as it is to have. @throws {SyscallError} */
export function isWhole({ name, maps = [], chains }: Table): boolean {
  using socket = openNetlink(NETLINK.NETFILTER);
  const dump = (type: number, attributes: Attribute[]) =>
    socket
      .dump({ type: (SUBSYSTEM << 8) | type, header: header(NFPROTO.INET), attributes }, "list rules", [
        "ENOENT",
      ])
      .map(({ body }) => decodeAttributes(body.subarray(4)))
      .filter((found) => readText(found.get(1)) === name);
  const names = dump(NFT.GETCHAIN, []).map((chain) => readText(chain.get(3)));
  const rules = dump(NFT.GETRULE, [[1, text(name)]]).map((rule) => readText(rule.get(2)));
  const sizeOf = (map: string): number => {
    const place: Attribute[] = [
      [1, text(name)],
      [2, text(map)],
    ];
    return dump(NFT.GETSETELEM, place).reduce((sum, list) => sum + decodeList(list.get(3)).length, 0);
  };
  return (
    chains.every(
      (chain) =>
        names.includes(chain.name) && rules.filter((of) => of === chain.name).length === chain.rules.length,
    ) && maps.every((map) => sizeOf(map.name) === [...map.elements].length)
  );
}

/** Made first, so that the removal finds it: the idiom of nft(8) for a table that may not be there. */
function removal(name: string): Message[] {
  const attributes: Attribute[] = [[1, text(name)]];
  return [message(NFT.NEWTABLE, attributes, NLM_F.CREATE), message(NFT.DELTABLE, attributes, 0)];
}

/** The messages that make a table with all that is in it. Exported for its test. @internal */
export function creation({ name, maps = [], chains }: Table): Message[] {
  return [
    message(NFT.NEWTABLE, [[1, text(name)]], NLM_F.CREATE),
    ...maps.map((map, index) => message(NFT.NEWSET, mapAttributes(name, map, index + 1), NLM_F.CREATE)),
    ...maps.flatMap((map) => elementMessages(NFT.NEWSETELEM, { table: name, map }, map.elements)),
    ...chains.map((chain) => chainMessage(name, chain)),
    ...chains.flatMap((chain) => chain.rules.map((rule) => ruleMessage(name, chain, rule))),
  ];
}

function chainMessage(table: string, chain: Chain): Message {
  const attributes: Attribute[] = [
    [1, text(table)],
    [3, text(chain.name)],
    ...("hook" in chain ? placeOf(chain) : []),
  ];
  return message(NFT.NEWCHAIN, attributes, NLM_F.CREATE);
}

function placeOf({ type, hook, priority }: BaseChain): Attribute[] {
  const place: Attribute[] = [
    [1, be32(HOOKS[hook])],
    [2, be32(priority)],
  ];
  return [
    [4, place],
    [5, be32(ACCEPT)],
    [7, text(type)],
  ];
}

function elementMessages(
  type: number,
  { table, map }: { table: string; map: MapChange["map"] },
  elements: Iterable<MapElement>,
): Message[] {
  return elementAttributes(table, map, elements).map((attributes) => message(type, attributes, NLM_F.CREATE));
}

function ruleMessage(table: string, chain: Chain, rule: Rule): Message {
  const attributes: Attribute[] = [
    [1, text(table)],
    [2, text(chain.name)],
    [4, expressionList(rule)],
  ];
  return message(NFT.NEWRULE, attributes, NLM_F.CREATE | NLM_F.APPEND);
}

function message(type: number, attributes: readonly Attribute[], flags: number): Message {
  return { type: (SUBSYSTEM << 8) | type, flags, header: header(NFPROTO.INET), attributes };
}

/** struct nfgenmsg: family, version, and for a batch the subsystem in network order. */
export function header(family: number, subsystem = 0): Uint8Array {
  return Uint8Array.of(family, 0, 0, subsystem);
}

/** A transaction: what stands between begin and end is done whole. Failures are told of every message, success of the last. */
export function batch(messages: readonly Message[]): Message[] {
  const acknowledged = messages.map((one, index) =>
    index === messages.length - 1 ? { ...one, flags: (one.flags ?? 0) | NLM_F.ACK } : one,
  );
  const bounds = (type: number): Message => ({ type, header: header(NFPROTO.UNSPEC, SUBSYSTEM) });
  return [bounds(BATCH.BEGIN), ...acknowledged, bounds(BATCH.END)];
}

/** A table as nft(8) would list it, on one line. */
function tableText({ name, maps = [], chains }: Table): string {
  return `table inet ${name} { ${[...maps.map(mapText), ...chains.map(chainText)].join(" ")} }`;
}

function chainText(chain: Chain): string {
  const place = "hook" in chain ? `type ${chain.type} hook ${chain.hook} priority ${chain.priority}; ` : "";
  return `chain ${chain.name} { ${place}${chain.rules.map(ruleText).join("; ")} }`;
}
