/** Ethernet frames that tell neighbours who has an address, byte for byte. Pure. */

import { ipBytes, parseIp } from "../../std/ip.ts";
import { join } from "./attributes.ts";

/** An address, and the link that has it. */
export interface Announcement {
  address: string;
  mac: string;
}

const ETHERTYPE = { ARP: [0x08, 0x06], IPV6: [0x86, 0xdd] } as const;
const EVERYBODY = new Uint8Array(6).fill(0xff);
/** RFC 2464, section 7: that of ff02::1. */
const ALL_NODES_MAC = Uint8Array.of(0x33, 0x33, 0, 0, 0, 1);
const ALL_NODES = ipBytes(parseIp("ff02::1"));
const NOBODY = new Uint8Array(6);
/** Ethernet, IPv4, their addresses' lengths, and a request. */
const ARP_REQUEST = Uint8Array.of(0, 1, 0x08, 0, 6, 4, 0, 1);
const ICMP6 = 58;
/** Neighbour advertisement, overriding what was known; RFC 4861, section 4.4. */
const ADVERTISEMENT = { type: 136, override: 0x20, linkLayerTarget: 2 } as const;
const HOP_LIMIT = 255;

/** The bytes of `02:42:ac:11:00:02`. */
export function macBytes(mac: string): Uint8Array {
  return Uint8Array.from(mac.split(":").map((byte) => Number.parseInt(byte, 16)));
}

/** A gratuitous ARP request (RFC 5227, section 3), or an unsolicited neighbour advertisement (RFC 4861, section 7.2.6). */
export function announcementFrame({ address, mac }: Announcement): Uint8Array {
  const ip = parseIp(address);
  const [bytes, hardware] = [ipBytes(ip), macBytes(mac)];
  if (ip.family === 6) return advertisement(bytes, hardware);
  const type = Uint8Array.from(ETHERTYPE.ARP);
  return join(EVERYBODY, hardware, type, ARP_REQUEST, hardware, bytes, NOBODY, bytes);
}

function advertisement(ip: Uint8Array, hardware: Uint8Array): Uint8Array {
  const { type, override, linkLayerTarget } = ADVERTISEMENT;
  const option = join(Uint8Array.of(linkLayerTarget, 1), hardware);
  const message = join(Uint8Array.of(type, 0, 0, 0, override, 0, 0, 0), ip, option);
  const pseudo = join(ip, ALL_NODES, Uint8Array.of(0, 0, 0, message.length, 0, 0, 0, ICMP6));
  new DataView(message.buffer).setUint16(2, checksum(join(pseudo, message)));
  const header = Uint8Array.of(0x60, 0, 0, 0, 0, message.length, ICMP6, HOP_LIMIT);
  return join(ALL_NODES_MAC, hardware, Uint8Array.from(ETHERTYPE.IPV6), header, ip, ALL_NODES, message);
}

/** Of an even number of bytes; RFC 1071. */
function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}
