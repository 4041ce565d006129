/**
 * Maps of nftables: what one rule looks up in the place of many rules; linux/netfilter/nf_tables.h, enum nft_set_attributes.
 *
 * A key is a concatenation of fields: `ip daddr . meta l4proto . th dport`. In a map of intervals each field may be a range, so that
 * a thousand ports in a row are one element; there adding one costs the more the more there are (nft_set_pipapo), so that single
 * keys are better kept in a map without (nft_set_hash: 3 µs each, among any number).
 */

import { type Attribute, be32, join, text } from "./attributes.ts";

/** What a field holds, by nft's name of its type: the type's number there (nft's `enum datatypes`), and how many bytes it has. */
const FIELDS = {
  ipv4_addr: { type: 7, length: 4 },
  ipv6_addr: { type: 8, length: 16 },
  inet_proto: { type: 12, length: 1 },
  inet_service: { type: 13, length: 2 },
} as const;

export type FieldType = keyof typeof FIELDS;

export interface NftMap {
  name: string;
  key: readonly FieldType[];
  data: readonly FieldType[];
  /** A field of a key may be a range. Such a map has keys of two fields or more. */
  intervals: boolean;
  /** Read at the moment the table is put in place. */
  elements: Iterable<MapElement>;
}

/** The lowest and the highest value of a field; one value where `last` is absent. In network order, without padding. */
export interface FieldRange {
  first: Uint8Array;
  last?: Uint8Array;
}

export interface MapElement {
  key: readonly FieldRange[];
  data: readonly Uint8Array[];
}

const NFTA_SET = {
  TABLE: 1,
  NAME: 2,
  FLAGS: 3,
  KEY_TYPE: 4,
  KEY_LEN: 5,
  DATA_TYPE: 6,
  DATA_LEN: 7,
  DESC: 9,
  ID: 10,
  USERDATA: 13,
} as const;
const NFT_SET = { INTERVAL: 0x4, MAP: 0x8, CONCAT: 0x80 } as const;
const DESC = { SIZE: 1, CONCAT: 2, FIELD_LEN: 1 } as const;
const LIST_ELEM = 1;
const NFTA_SET_ELEM = { KEY: 1, DATA: 2, KEY_END: 10 } as const;
const NFTA_SET_ELEM_LIST = { TABLE: 1, SET: 2, ELEMENTS: 3 } as const;
const DATA_VALUE = 1;
/** What nft has to know to show keys and data as they are (libnftnl's NFTNL_UDATA_SET_KEYBYTEORDER and DATABYTEORDER). */
const NETWORK_ORDER = Uint8Array.of(0, 4, 2, 0, 0, 0, 1, 4, 2, 0, 0, 0);
/** Bits of one type's number in that of a concatenation. */
const TYPE_BITS = 6;
/** A register of the kernel's. */
const REGISTER_BYTES = 4;
/** An attribute has at most 65,535 bytes, and an element less than 120. */
const MOST_IN_A_MESSAGE = 500;

/** The attributes of the message that makes a map. @param id tells it from others that the same transaction makes */
export function mapAttributes(
  table: string,
  { name, key, data, intervals }: NftMap,
  id: number,
): Attribute[] {
  const lengths = key.map((field): Attribute => [LIST_ELEM, [[DESC.FIELD_LEN, be32(FIELDS[field].length)]]]);
  return [
    [NFTA_SET.TABLE, text(table)],
    [NFTA_SET.NAME, text(name)],
    [NFTA_SET.FLAGS, be32(NFT_SET.MAP | (intervals ? NFT_SET.INTERVAL | NFT_SET.CONCAT : 0))],
    [NFTA_SET.KEY_TYPE, be32(typeNumber(key))],
    [NFTA_SET.KEY_LEN, be32(lengthOf(key))],
    [NFTA_SET.DATA_TYPE, be32(typeNumber(data))],
    [NFTA_SET.DATA_LEN, be32(lengthOf(data))],
    [NFTA_SET.ID, be32(id)],
    [NFTA_SET.USERDATA, NETWORK_ORDER],
    ...(intervals ? [[NFTA_SET.DESC, [[DESC.CONCAT, lengths]]] as const] : []),
  ];
}

function typeNumber(fields: readonly FieldType[]): number {
  return fields.reduce((number, field) => (number << TYPE_BITS) | FIELDS[field].type, 0);
}

/** In a concatenation each field begins with a register. */
function lengthOf(fields: readonly FieldType[]): number {
  const lengths = fields.map((field) => FIELDS[field].length);
  return lengths.reduce((sum, length) => sum + (lengths.length > 1 ? padded(length) : length), 0);
}

function padded(length: number): number {
  return Math.ceil(length / REGISTER_BYTES) * REGISTER_BYTES;
}

/** The attributes of as many messages as it takes to add elements to a map, or to remove them. */
export function elementAttributes(
  table: string,
  { name, intervals }: Pick<NftMap, "name" | "intervals">,
  elements: Iterable<MapElement>,
): Attribute[][] {
  const all = [...elements];
  const count = Math.ceil(all.length / MOST_IN_A_MESSAGE);
  return Array.from({ length: count }, (_, at) => {
    const some = all.slice(at * MOST_IN_A_MESSAGE, (at + 1) * MOST_IN_A_MESSAGE);
    return [
      [NFTA_SET_ELEM_LIST.TABLE, text(table)],
      [NFTA_SET_ELEM_LIST.SET, text(name)],
      [NFTA_SET_ELEM_LIST.ELEMENTS, some.map((one): Attribute => [LIST_ELEM, elementOf(one, intervals)])],
    ];
  });
}

function elementOf({ key, data }: MapElement, intervals: boolean): Attribute[] {
  const end = key.map(({ first, last = first }) => last);
  return [
    [NFTA_SET_ELEM.KEY, value(key.map(({ first }) => first))],
    ...(intervals ? [[NFTA_SET_ELEM.KEY_END, value(end)] as const] : []),
    ...(data.length > 0 ? [[NFTA_SET_ELEM.DATA, value(data)] as const] : []),
  ];
}

function value(fields: readonly Uint8Array[]): Attribute[] {
  return [[DATA_VALUE, fields.length > 1 ? join(...fields.map(inRegisters)) : join(...fields)]];
}

function inRegisters(field: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(padded(field.length));
  bytes.set(field);
  return bytes;
}

/** A map's making as `nft list` shows it, without its elements. */
export function mapText({ name, key, data, intervals }: NftMap): string {
  const flags = intervals ? " flags interval;" : "";
  return `map ${name} { type ${key.join(" . ")} : ${data.join(" . ")};${flags} }`;
}
