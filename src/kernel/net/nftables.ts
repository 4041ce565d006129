/**
 * Tables of nftables, each replaced whole in one transaction; linux/netfilter/nfnetlink.h and nf_tables.h.
 *
 * An engine has a table of its own and touches no other, so that it neither flushes nor reorders anybody's rules. What its table
 * accepts another's may still drop: `readRuleSet` tells what those say. No program `nft` is needed.
 */

import { type Attribute, be32, decodeAttributes, readText, text } from "./attributes.ts";
import { type Message, NETLINK, NLM_F, openNetlink } from "./netlink.ts";
import { expressionList, type Rule, ruleText } from "./nft_rule.ts";

/** A chain, and where the kernel calls it. */
export interface Chain {
  name: string;
  type: "filter" | "nat";
  hook: keyof typeof HOOKS;
  /** Lower ones run earlier. */
  priority: number;
  rules: readonly Rule[];
}

/** A table of the family inet: IPv4 and IPv6. */
export interface Table {
  name: string;
  chains: readonly Chain[];
}

const HOOKS = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 } as const;
const ACCEPT = 1;
const SUBSYSTEM = 10;
const NFT = { NEWTABLE: 0, DELTABLE: 2, NEWCHAIN: 3, GETCHAIN: 4, NEWRULE: 6, GETRULE: 7 } as const;
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

/** Takes a table away; no error where there is none. @throws {SyscallError} */
export function removeTable(name: string): void {
  using socket = openNetlink(NETLINK.NETFILTER);
  socket.transact(batch(removal(name)), {
    shown: `delete table inet ${name}`,
    what: `take table inet ${name} away`,
    see: "nft list tables",
  });
}

/** Whether a table has all the chains and as many rules in each as it was made with. @throws {SyscallError} */
export function isWhole({ name, chains }: Table): boolean {
  using socket = openNetlink(NETLINK.NETFILTER);
  const dump = (type: number, attributes: Attribute[]) =>
    socket
      .dump({ type: (SUBSYSTEM << 8) | type, header: header(NFPROTO.INET), attributes }, "list rules")
      .map(({ body }) => decodeAttributes(body.subarray(4)))
      .filter((found) => readText(found.get(1)) === name);
  const names = dump(NFT.GETCHAIN, []).map((chain) => readText(chain.get(3)));
  const rules = dump(NFT.GETRULE, [[1, text(name)]]).map((rule) => readText(rule.get(2)));
  return chains.every(
    (chain) =>
      names.includes(chain.name) && rules.filter((of) => of === chain.name).length === chain.rules.length,
  );
}

/** Made first, so that the removal finds it: the idiom of nft(8) for a table that may not be there. */
function removal(name: string): Message[] {
  const attributes: Attribute[] = [[1, text(name)]];
  return [message(NFT.NEWTABLE, attributes, NLM_F.CREATE), message(NFT.DELTABLE, attributes, 0)];
}

/** The messages that make a table with all that is in it. Exported for its test. @internal */
export function creation({ name, chains }: Table): Message[] {
  return [
    message(NFT.NEWTABLE, [[1, text(name)]], NLM_F.CREATE),
    ...chains.map((chain) => chainMessage(name, chain)),
    ...chains.flatMap((chain) => chain.rules.map((rule) => ruleMessage(name, chain, rule))),
  ];
}

function chainMessage(table: string, chain: Chain): Message {
  const hook: Attribute[] = [
    [1, be32(HOOKS[chain.hook])],
    [2, be32(chain.priority)],
  ];
  const attributes: Attribute[] = [
    [1, text(table)],
    [3, text(chain.name)],
    [4, hook],
    [5, be32(ACCEPT)],
    [7, text(chain.type)],
  ];
  return message(NFT.NEWCHAIN, attributes, NLM_F.CREATE);
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
function header(family: number, subsystem = 0): Uint8Array {
  return Uint8Array.of(family, 0, 0, subsystem);
}

/** A transaction: what stands between begin and end is done whole. Failures are told of every message, success of the last. */
function batch(messages: readonly Message[]): Message[] {
  const acknowledged = messages.map((one, index) =>
    index === messages.length - 1 ? { ...one, flags: (one.flags ?? 0) | NLM_F.ACK } : one,
  );
  const bounds = (type: number): Message => ({ type, header: header(NFPROTO.UNSPEC, SUBSYSTEM) });
  return [bounds(BATCH.BEGIN), ...acknowledged, bounds(BATCH.END)];
}

/** A table as nft(8) would list it, on one line. */
function tableText({ name, chains }: Table): string {
  const shown = chains.map(
    ({ name: chain, type, hook, priority, rules }) =>
      `chain ${chain} { type ${type} hook ${hook} priority ${priority}; ${rules.map(ruleText).join("; ")} }`,
  );
  return `table inet ${name} { ${shown.join(" ")} }`;
}
