/** Telling a link's neighbours, and this host, who has an address from now on; RFC 826, RFC 5227 section 3, packet(7). */

import { ipBytes, parseIp } from "../../std/ip.ts";
import { named } from "../call.ts";
import { owned } from "../file.ts";
import { O } from "../flags.ts";
import { check, perform, sys } from "../syscall.ts";
import { join, u32s } from "./attributes.ts";
import { type NetlinkSocket, NLM_F } from "./netlink.ts";

const AF_PACKET = 17;
const SOCK_RAW = 3;
const ETHERTYPE_ARP = Uint8Array.of(0x08, 0x06);
const EVERYBODY = new Uint8Array(6).fill(0xff);
const NOBODY = new Uint8Array(6);
/** Ethernet, IPv4, their addresses' lengths, and a request. */
const REQUEST = Uint8Array.of(0, 1, 0x08, 0, 6, 4, 0, 1);
const NEIGHBOUR = { NEW: 28, STALE: 4, DST: 1, LLADDR: 2, AF_INET: 2 } as const;

/** An IPv4 address, and the link that has it. */
export interface Announcement {
  address: string;
  mac: string;
}

/**
 * Sends a gratuitous ARP request out of `link`: whoever knows another link for the address takes up this one at once, and does
 * not wait until it finds that nobody answers there. @throws {SyscallError}
 */
export function announce(
  socket: NetlinkSocket,
  link: { index: number; name: string },
  { address, mac }: Announcement,
): void {
  const ip = ipBytes(parseIp(address));
  const hardware = Uint8Array.from(mac.split(":").map((byte) => Number.parseInt(byte, 16)));
  const frame = join(EVERYBODY, hardware, ETHERTYPE_ARP, REQUEST, hardware, ip, NOBODY, ip);
  // struct sockaddr_ll: family, protocol, index, hardware type, packet type, length and bytes of the address.
  const to = join(
    Uint8Array.of(AF_PACKET, 0),
    ETHERTYPE_ARP,
    u32s(link.index),
    Uint8Array.of(0, 0, 0, EVERYBODY.length),
    EVERYBODY,
    Uint8Array.of(0, 0),
  );
  using packets = owned(check(sys("socket", AF_PACKET, SOCK_RAW | O.CLOEXEC, 0), "open a packet socket"));
  perform({
    call: "sendto",
    args: [
      named(packets.fd, "packets"),
      { kind: "bytes", bytes: frame, shown: `{ARP request, ${address} is-at ${mac}}` },
      frame.length,
      0,
      { kind: "bytes", bytes: to, shown: `{sll_family=AF_PACKET, sll_ifindex=${link.index}}` },
      to.length,
    ],
    // A bridge that has nobody else on it takes nothing.
    may: ["ENETDOWN", "ENXIO"],
    what: `tell the neighbours on ${link.name} that ${address} is at ${mac}`,
    see: `ip neigh show ${address}`,
  });
  correct(socket, link, { ip, hardware, address, mac });
}

/** The host itself hears nothing of what it sends: what it knows of the address is set right, if it knows anything. */
function correct(
  socket: NetlinkSocket,
  link: { index: number; name: string },
  { ip, hardware, address, mac }: Announcement & { ip: Uint8Array; hardware: Uint8Array },
): void {
  socket.request(
    {
      type: NEIGHBOUR.NEW,
      flags: NLM_F.REPLACE,
      // struct ndmsg: family, padding, index, state, flags, type.
      header: join(u32s(NEIGHBOUR.AF_INET, link.index), Uint8Array.of(NEIGHBOUR.STALE, 0, 0, 0)),
      attributes: [
        [NEIGHBOUR.DST, ip],
        [NEIGHBOUR.LLADDR, hardware],
      ],
    },
    {
      shown: `RTM_NEWNEIGH {ndm_ifindex=${link.index}, NDA_DST=${address}, NDA_LLADDR=${mac}}`,
      what: `know ${address} on ${link.name} at ${mac}`,
      see: `ip neigh show ${address}`,
    },
    ["ENOENT"],
  );
}
