/** Links on top of another one of the host: macvlan, ipvlan and VLANs, by rtnetlink; linux/if_link.h. */

import { needing } from "../lacking.ts";
import { type Attribute, text, u32, u32s } from "./attributes.ts";
import { macBytes } from "./neighbour_frames.ts";
import { type NetlinkSocket, NLM_F } from "./netlink.ts";

const RTM_NEWLINK = 16;
const IFLA = { ADDRESS: 1, IFNAME: 3, MTU: 4, LINK: 5, LINKINFO: 18, NET_NS_FD: 28 } as const;
const INFO = { KIND: 1, DATA: 2 } as const;
const IFF_UP = 1;
/** The kernel's answer where it knows no links of a kind. */
const LACKS_KIND = "EOPNOTSUPP";

/** MACVLAN_MODE_*: whom the links on one parent reach. */
export const MACVLAN_MODES = { private: 1, vepa: 2, bridge: 4, passthru: 8 } as const;
/** IPVLAN_MODE_*: where packets are routed. */
export const IPVLAN_MODES = { l2: 0, l3: 1, l3s: 2 } as const;

/** A kind of link, with what it needs to know. */
export type Sublink =
  | { kind: "macvlan"; mode: keyof typeof MACVLAN_MODES }
  | { kind: "ipvlan"; mode: keyof typeof IPVLAN_MODES }
  | { kind: "vlan"; id: number };

interface Place {
  name: string;
  /** Index of the link it is on. */
  parent: number;
  /** Descriptor of the namespace it goes to; absent for the socket's own. */
  namespace?: number;
  mac?: string;
  mtu?: number;
  up?: boolean;
}

/** @throws {FathomError} unsupported, where the kernel has no such links. @throws {SyscallError} */
export function addSublink(socket: NetlinkSocket, link: Sublink, place: Place): void {
  const { name, parent, namespace, mac, mtu, up = false } = place;
  const attributes: Attribute[] = [
    [IFLA.IFNAME, text(name)],
    [IFLA.LINK, u32(parent)],
    ...(mtu === undefined ? [] : [[IFLA.MTU, u32(mtu)] as const]),
    ...(mac === undefined ? [] : [[IFLA.ADDRESS, macBytes(mac)] as const]),
    ...(namespace === undefined ? [] : [[IFLA.NET_NS_FD, u32(namespace)] as const]),
    [
      IFLA.LINKINFO,
      [
        [INFO.KIND, text(link.kind)],
        [INFO.DATA, [dataOf(link)]],
      ],
    ],
  ];
  // struct ifinfomsg: family, index, flags, and which of them are set.
  const header = u32s(0, 0, up ? IFF_UP : 0, up ? IFF_UP : 0);
  const message = { type: RTM_NEWLINK, flags: NLM_F.CREATE | NLM_F.EXCL, header, attributes };
  const telling = {
    shown: `RTM_NEWLINK {IFLA_INFO_KIND="${link.kind}", ${detail(link)}, IFLA_LINK=${parent}, name=${name}}`,
    what: `make the ${link.kind} link ${name}`,
    see: `ip -d link show ${name}`,
  };
  const module = link.kind === "vlan" ? "8021q" : link.kind;
  needing({ module, refusal: LACKS_KIND }, () => socket.request(message, telling));
}

/** IFLA_MACVLAN_MODE is 1 (32 bits), IFLA_IPVLAN_MODE 1 (16 bits), IFLA_VLAN_ID 1 (16 bits). */
function dataOf(link: Sublink): Attribute {
  switch (link.kind) {
    case "macvlan":
      return [1, u32(MACVLAN_MODES[link.mode])];
    case "ipvlan":
      return [1, Uint8Array.of(IPVLAN_MODES[link.mode], 0)];
    case "vlan":
      return [1, Uint8Array.of(link.id & 0xff, link.id >> 8)];
  }
}

function detail(link: Sublink): string {
  return link.kind === "vlan" ? `IFLA_VLAN_ID=${link.id}` : `mode=${link.mode}`;
}
