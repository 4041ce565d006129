/** IPv4 addresses and networks as numbers, and back. Pure. */

import { FathomError } from "../std/errors.ts";

/** An IPv4 network: its first address as a number, and how many leading bits it fixes. */
export interface Network {
  base: number;
  prefix: number;
}

/** An address in its network, as `172.17.0.1/16` names both. */
export interface InterfaceAddress extends Network {
  address: number;
}

/** The number of `172.17.0.1`. @throws {FathomError} invalid */
export function parseAddress(text: string): number {
  const parts = text.split(".");
  const isAddress =
    parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256);
  if (!isAddress) throw new FathomError("invalid", `not an IPv4 address: ${JSON.stringify(text)}`);
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

export function addressText(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join(".");
}

/** `172.17.0.1/16`: the address, and the network it is in. @throws {FathomError} invalid */
export function parseCidr(text: string): InterfaceAddress {
  const [, name = "", bits = ""] = /^([\d.]+)\/(\d{1,2})$/.exec(text) ?? [];
  const prefix = Number(bits);
  if (bits === "" || prefix > 32)
    throw new FathomError("invalid", `not an IPv4 network like 172.17.0.0/16: ${JSON.stringify(text)}`);
  const address = parseAddress(name);
  return { address, prefix, base: firstOf({ base: address, prefix }) };
}

export function networkText({ base, prefix }: Network): string {
  return `${addressText(base)}/${prefix}`;
}

/** How many addresses a network has. */
function sizeOf({ prefix }: Pick<Network, "prefix">): number {
  return 2 ** (32 - prefix);
}

function firstOf({ base, prefix }: Network): number {
  return base - (base % sizeOf({ prefix }));
}

export function contains(network: Network, address: number): boolean {
  return address >= network.base && address < network.base + sizeOf(network);
}

export function overlap(a: Network, b: Network): boolean {
  return contains(a, b.base) || contains(b, a.base);
}

/** `02:42:ac:11:00:02` for 172.17.0.2: the address says who it is, and whoever has it next is found under the same. */
export function macOf(address: number): string {
  const bytes = [0x02, 0x42, ...[24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff)];
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}
