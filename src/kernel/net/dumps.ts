/** What links, addresses and routes there are: rtnetlink's dumps, read without an effect. */

import { ipOfBytes, ipText } from "../../std/ip.ts";
import { FAMILIES } from "./address.ts";
import { decodeAttributes, readText, readU32, text, u32, u32s } from "./attributes.ts";
import type { NetlinkSocket, Reply } from "./netlink.ts";

const RTM = { GETLINK: 18, GETADDR: 22, GETROUTE: 26, GETNEIGH: 30 } as const;
const AF_INET = 2;
const IFLA = { ADDRESS: 1, IFNAME: 3, MTU: 4, MASTER: 10, LINKINFO: 18, INFO_KIND: 1 } as const;

export interface LinkInfo {
  index: number;
  name: string;
  up: boolean;
  mtu: number;
  mac: string;
  /** Index of the bridge it is a port of; 0 for none. */
  master: number;
  /** `bridge`, `veth`, …; empty for a physical one. */
  kind: string;
}

/** All links of the socket's namespace. @throws {SyscallError} */
export function listLinks(socket: NetlinkSocket): LinkInfo[] {
  return socket.dump({ type: RTM.GETLINK, header: u32s(0, 0, 0, 0) }, "list links").map(parseLink);
}

/** The link of a name; undefined where there is none. @throws {SyscallError} */
export function findLink(socket: NetlinkSocket, name: string): LinkInfo | undefined {
  const question = {
    type: RTM.GETLINK,
    header: u32s(0, 0, 0, 0),
    attributes: [[IFLA.IFNAME, text(name)] as const],
  };
  const reply = socket.ask(question, `look for the link ${name}`);
  return reply === undefined ? undefined : parseLink(reply);
}

/** Exported for tests. @internal */
export function parseLink({ body }: Pick<Reply, "body">): LinkInfo {
  const view = viewOf(body);
  const attributes = decodeAttributes(body.subarray(16));
  const info = decodeAttributes(attributes.get(IFLA.LINKINFO) ?? NOTHING);
  return {
    index: view.getInt32(4, true),
    name: readText(attributes.get(IFLA.IFNAME)),
    up: (view.getUint32(8, true) & 1) === 1,
    mtu: readU32(attributes.get(IFLA.MTU)),
    mac: hexadecimal(attributes.get(IFLA.ADDRESS)),
    master: readU32(attributes.get(IFLA.MASTER)),
    kind: readText(info.get(IFLA.INFO_KIND)),
  };
}

/** All addresses of a family, with the index of the link that has each. @throws {SyscallError} */
export function listAddresses(
  socket: NetlinkSocket,
  family: 4 | 6 = 4,
): { index: number; address: string; prefix: number }[] {
  const header = Uint8Array.of(FAMILIES[family], 0, 0, 0, 0, 0, 0, 0);
  return socket.dump({ type: RTM.GETADDR, header }, "list addresses").map(({ body }) => {
    const attributes = decodeAttributes(body.subarray(8));
    return {
      index: viewOf(body).getUint32(4, true),
      address: addressText(attributes.get(2) ?? attributes.get(1), family),
      prefix: body[1] ?? 0,
    };
  });
}

export interface RouteInfo {
  /** The network it leads to; `0.0.0.0/0` for the default. */
  destination: string;
  prefix: number;
  gateway: string | undefined;
  /** Index of the link it leaves by; 0 for none. */
  link: number;
  /** 254 is the main table, 255 that of the host's own addresses. */
  table: number;
}

const RTA = { DST: 1, OIF: 4, GATEWAY: 5, TABLE: 15 } as const;

/** The routes of a family, of all tables. @throws {SyscallError} */
export function listRoutes(socket: NetlinkSocket, family: 4 | 6 = 4): RouteInfo[] {
  const header = Uint8Array.of(FAMILIES[family], 0, 0, 0, 0, 0, 0, 0, ...u32(0));
  return socket.dump({ type: RTM.GETROUTE, header }, "list routes").map(({ body }) => {
    const attributes = decodeAttributes(body.subarray(12));
    const gateway = attributes.get(RTA.GATEWAY);
    return {
      destination: addressText(attributes.get(RTA.DST), family),
      prefix: body[1] ?? 0,
      gateway: gateway === undefined ? undefined : addressText(gateway, family),
      link: readU32(attributes.get(RTA.OIF)),
      // One byte of the header holds the small numbers only.
      table: readU32(attributes.get(RTA.TABLE)) || (body[4] ?? 0),
    };
  });
}

export interface NeighbourInfo {
  address: string;
  mac: string;
  link: number;
}

/** The IPv4 neighbours known. @throws {SyscallError} */
export function listNeighbours(socket: NetlinkSocket): NeighbourInfo[] {
  const header = Uint8Array.of(AF_INET, 0, 0, 0, ...u32s(0, 0));
  return socket.dump({ type: RTM.GETNEIGH, header }, "list neighbours").map(({ body }) => {
    const attributes = decodeAttributes(body.subarray(12));
    return {
      address: addressText(attributes.get(1), 4),
      mac: hexadecimal(attributes.get(2)),
      link: viewOf(body).getInt32(4, true),
    };
  });
}

const NOTHING = new Uint8Array();

function viewOf(body: Uint8Array): DataView {
  return new DataView(body.buffer, body.byteOffset, body.byteLength);
}

function addressText(bytes: Uint8Array | undefined, family: 4 | 6): string {
  return ipText(bytes === undefined ? { family, value: 0n } : ipOfBytes(bytes));
}

function hexadecimal(bytes: Uint8Array | undefined): string {
  return [...(bytes ?? [])].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}
