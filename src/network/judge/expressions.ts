/**
 * What each expression of nftables does with a packet that was made up; linux/netfilter/nf_tables.h. Pure.
 *
 * Of each rule it is found out whether it matches, and what it then says. What depends on things that are not known of such a
 * packet (a mark that somebody may have set, how often something came before) is `unknown`, never guessed.
 */

import {
  decodeAttributes,
  type HostExpression,
  type HostTable,
  readBe32,
  readText,
} from "../../kernel/net/mod.ts";
import type { Outcome } from "./outcome.ts";
import { networkHeader, type Packet, protocolNumber, transportHeader } from "./packet.ts";
import type { Registers } from "./registers.ts";
import { compareBytes, findElement } from "./sets.ts";
import { matchOf, targetOf } from "./xtables.ts";

export interface Step {
  packet: Packet;
  registers: Registers;
  table: HostTable;
}

type Attributes = Map<number, Uint8Array>;

/** Runs one expression. */
export function runExpression({ name, data }: HostExpression, step: Step): Outcome {
  const attributes = decodeAttributes(data);
  const run = EXPRESSIONS[name];
  return run === undefined ? "unknown" : run(attributes, step);
}

const number = (attributes: Attributes, type: number): number => readBe32(attributes.get(type));
const bytesOf = (bytes: Uint8Array | undefined): Uint8Array =>
  decodeAttributes(bytes ?? new Uint8Array()).get(1) ?? new Uint8Array();

/** Counting and logging change nothing; a limit holds, as for the first packet that comes. */
const goOn = (): Outcome => "next";

const EXPRESSIONS: Readonly<Record<string, (attributes: Attributes, step: Step) => Outcome>> = {
  counter: goOn,
  log: goOn,
  objref: goOn,
  quota: goOn,
  last: goOn,
  notrack: goOn,
  limit: (attributes) => ((number(attributes, 5) & 1) === 1 ? "no" : "next"),
  connlimit: (attributes) => ((number(attributes, 2) & 1) === 1 ? "no" : "next"),
  reject: () => ({ kind: "reject" }),
  meta: (attributes, step) =>
    attributes.has(3) ? "next" : load(step, number(attributes, 1), meta(number(attributes, 2), step.packet)),
  ct: (attributes, step) =>
    attributes.has(4) ? "next" : load(step, number(attributes, 1), ct(number(attributes, 2), step.packet)),
  fib: (attributes, step) => load(step, number(attributes, 1), fib(attributes, step.packet)),
  payload: (attributes, step) =>
    attributes.has(5) ? "next" : load(step, number(attributes, 1), payload(attributes, step.packet)),
  immediate: (attributes, step) => immediate(attributes, step),
  cmp: (attributes, step) => {
    const wanted = bytesOf(attributes.get(3));
    const found = step.registers.read(number(attributes, 1), wanted.length);
    if (found === undefined) return "unknown";
    return COMPARISONS[number(attributes, 2)]?.(compareBytes(found, wanted)) ? "next" : "no";
  },
  range: (attributes, step) => {
    const [from, to] = [bytesOf(attributes.get(3)), bytesOf(attributes.get(4))];
    const found = step.registers.read(number(attributes, 1), from.length);
    if (found === undefined) return "unknown";
    const inside = compareBytes(from, found) <= 0 && compareBytes(found, to) <= 0;
    return inside === (number(attributes, 2) === 0) ? "next" : "no";
  },
  bitwise: (attributes, step) => {
    const [mask, flip] = [bytesOf(attributes.get(4)), bytesOf(attributes.get(5))];
    const found = step.registers.read(number(attributes, 1), number(attributes, 3));
    const isPlain = number(attributes, 6) === 0;
    const bytes = found?.map((byte, index) => (byte & (mask[index] ?? 0)) ^ (flip[index] ?? 0));
    return load(step, number(attributes, 2), isPlain ? bytes : undefined);
  },
  byteorder: (attributes, step) => {
    const size = number(attributes, 5);
    const found = step.registers.read(number(attributes, 1), number(attributes, 4));
    return load(step, number(attributes, 2), found && swapped(found, size));
  },
  lookup: (attributes, step) => lookup(attributes, step),
  match: (attributes, { packet }) =>
    matchOf(readText(attributes.get(1)), number(attributes, 2), {
      info: attributes.get(3) ?? new Uint8Array(),
      packet,
    }),
  target: (attributes) => targetOf(readText(attributes.get(1))),
};

/** NFT_CMP_EQ, NEQ, LT, LTE, GT, GTE. */
const COMPARISONS: readonly ((order: number) => boolean)[] = [
  (order) => order === 0,
  (order) => order !== 0,
  (order) => order < 0,
  (order) => order <= 0,
  (order) => order > 0,
  (order) => order >= 0,
];

function load({ registers }: Step, register: number, bytes: Uint8Array | undefined): Outcome {
  if (bytes === undefined) registers.forget(register);
  else registers.write(register, bytes);
  return "next";
}

function swapped(bytes: Uint8Array, size: number): Uint8Array {
  const result = new Uint8Array(bytes.length);
  for (let at = 0; at < bytes.length; at += size) result.set(bytes.slice(at, at + size).reverse(), at);
  return result;
}

const IFNAMSIZ = 16;
const encoder = new TextEncoder();

/** In the host's order, which is little-endian. */
function word(value: number, size = 4): Uint8Array {
  return Uint8Array.from({ length: size }, (_, index) => (value >>> (8 * index)) & 0xff);
}

function linkName(name: string): Uint8Array {
  const bytes = new Uint8Array(IFNAMSIZ);
  bytes.set(encoder.encode(name).subarray(0, IFNAMSIZ - 1));
  return bytes;
}

/** NFT_META_: marks are taken to be none, as of a packet that nobody marked. */
function meta(key: number, packet: Packet): Uint8Array | undefined {
  switch (key) {
    case 1:
      return packet.version === 4 ? Uint8Array.of(0x08, 0x00) : Uint8Array.of(0x86, 0xdd);
    case 3:
      return word(0);
    case 6:
      return linkName(packet.in);
    case 7:
      return linkName(packet.out);
    case 15:
      return Uint8Array.of(packet.version === 4 ? 2 : 10);
    case 16:
      return Uint8Array.of(protocolNumber(packet));
    case 19:
      return Uint8Array.of(0);
    default:
      return undefined;
  }
}

const STATES = { new: 8, established: 2 } as const;
/** IPS_DST_NAT. */
const TRANSLATED = 0x20;

/** NFT_CT_STATE, DIRECTION, STATUS, MARK. */
function ct(key: number, { connection, isTranslated }: Packet): Uint8Array | undefined {
  switch (key) {
    case 0:
      return word(STATES[connection]);
    case 1:
      return Uint8Array.of(0);
    case 2:
      return word(isTranslated ? TRANSLATED : 0);
    case 3:
      return word(0);
    default:
      return undefined;
  }
}

const ADDRESS_TYPE = 3;
const OF_SOURCE = 1;
/** RTN_UNICAST, RTN_LOCAL. */
const ROUTE = { unicast: 1, local: 2 } as const;

/** Only what kind of address it is; by which link it would leave depends on the host's routes. */
function fib(attributes: Attributes, { isForHost }: Packet): Uint8Array | undefined {
  if (number(attributes, 2) !== ADDRESS_TYPE) return undefined;
  const isSource = (number(attributes, 3) & OF_SOURCE) !== 0;
  return word(!isSource && isForHost ? ROUTE.local : ROUTE.unicast);
}

const BASE = { network: 1, transport: 2 } as const;

function payload(attributes: Attributes, packet: Packet): Uint8Array | undefined {
  const [base, offset, length] = [2, 3, 4].map((type) => number(attributes, type));
  const headers = { [BASE.network]: networkHeader, [BASE.transport]: transportHeader };
  const header = headers[base as keyof typeof headers]?.(packet);
  const bytes = header?.subarray(offset, (offset ?? 0) + (length ?? 0));
  return bytes?.length === length ? bytes : undefined;
}

const VERDICT_REGISTER = 0;

function immediate(attributes: Attributes, step: Step): Outcome {
  const register = number(attributes, 1);
  if (register !== VERDICT_REGISTER) return load(step, register, bytesOf(attributes.get(2)));
  return verdictOf(attributes.get(2));
}

/** NFTA_DATA_VERDICT, with its code and its chain. */
function verdictOf(data: Uint8Array | undefined): Outcome {
  const verdict = decodeAttributes(decodeAttributes(data ?? new Uint8Array()).get(2) ?? new Uint8Array());
  const chain = readText(verdict.get(2));
  switch (readBe32(verdict.get(1)) | 0) {
    case 0:
      return { kind: "drop" };
    case 1:
      return { kind: "accept" };
    case -1:
      return "next";
    case -2:
      return "no";
    case -3:
      return { kind: "jump", chain };
    case -4:
      return { kind: "goto", chain };
    case -5:
      return { kind: "return" };
    default:
      return "unknown";
  }
}

const INVERTED = 1;

function lookup(attributes: Attributes, step: Step): Outcome {
  const set = step.table.sets.get(readText(attributes.get(1)));
  if (set === undefined) return "unknown";
  const length = set.fields.length > 0 ? set.fields.reduce(padded, 0) : (set.elements[0]?.key.length ?? 0);
  const key = step.registers.read(number(attributes, 2), length);
  if (key === undefined) return "unknown";
  const element = findElement(set, key);
  const wanted = (number(attributes, 5) & INVERTED) === 0;
  if ((element !== undefined) !== wanted) return "no";
  if (element?.data === undefined || !attributes.has(3)) return "next";
  const register = number(attributes, 3);
  return register === VERDICT_REGISTER
    ? verdictOf(element.data)
    : load(step, register, bytesOf(element.data));
}

function padded(sum: number, length: number): number {
  return sum + Math.ceil(length / 4) * 4;
}
