/** Telling a link's neighbours, and this host, who has an address from now on; neighbour_frames.ts, packet(7). */

import { ipBytes, parseIp } from "../../std/ip.ts";
import { named } from "../call.ts";
import { owned } from "../file.ts";
import { O } from "../flags.ts";
import { check, perform, sys } from "../syscall.ts";
import { FAMILIES } from "./address.ts";
import { join, u32s } from "./attributes.ts";
import { type Announcement, announcementFrame, macBytes } from "./neighbour_frames.ts";
import { type NetlinkSocket, NLM_F } from "./netlink.ts";

const AF_PACKET = 17;
const SOCK_RAW = 3;
const MAC_LENGTH = 6;
const NEIGHBOUR = { NEW: 28, STALE: 4, DST: 1, LLADDR: 2 } as const;

/**
 * Whoever knows another link for the address takes up this one at once, and does not wait until it finds that nobody answers
 * there. @throws {SyscallError}
 */
export function announce(
  socket: NetlinkSocket,
  link: { index: number; name: string },
  news: Announcement,
): void {
  const { address, mac } = news;
  const frame = announcementFrame(news);
  // struct sockaddr_ll: family, protocol, index, hardware type, packet type, length and bytes of the address.
  const to = join(
    Uint8Array.of(AF_PACKET, 0),
    frame.subarray(MAC_LENGTH * 2, MAC_LENGTH * 2 + 2),
    u32s(link.index),
    Uint8Array.of(0, 0, 0, MAC_LENGTH),
    frame.subarray(0, MAC_LENGTH),
    Uint8Array.of(0, 0),
  );
  using packets = owned(check(sys("socket", AF_PACKET, SOCK_RAW | O.CLOEXEC, 0), "open a packet socket"));
  const shown = address.includes(":") ? "neighbour advertisement" : "ARP request";
  perform({
    call: "sendto",
    args: [
      named(packets.fd, "packets"),
      { kind: "bytes", bytes: frame, shown: `{${shown}, ${address} is-at ${mac}}` },
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
  correct(socket, link, news);
}

/** The host itself hears nothing of what it sends: what it knows of the address is set right, if it knows anything. */
function correct(
  socket: NetlinkSocket,
  link: { index: number; name: string },
  { address, mac }: Announcement,
): void {
  const ip = parseIp(address);
  socket.request(
    {
      type: NEIGHBOUR.NEW,
      flags: NLM_F.REPLACE,
      // struct ndmsg: family, padding, index, state, flags, type.
      header: join(u32s(FAMILIES[ip.family], link.index), Uint8Array.of(NEIGHBOUR.STALE, 0, 0, 0)),
      attributes: [
        [NEIGHBOUR.DST, ipBytes(ip)],
        [NEIGHBOUR.LLADDR, macBytes(mac)],
      ],
    },
    {
      shown: `RTM_NEWNEIGH {ndm_ifindex=${link.index}, NDA_DST=${address}, NDA_LLADDR=${mac}}`,
      what: `know ${address} on ${link.name} at ${mac}`,
      see: `ip neigh show ${address}`,
    },
    // Of IPv6 that is switched off the kernel knows no neighbours.
    ["ENOENT", "EAFNOSUPPORT"],
  );
}
