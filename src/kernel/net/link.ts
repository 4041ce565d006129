/**
 * Links, by rtnetlink; rtnetlink(7), linux/if_link.h. Their addresses are in address.ts, what leads over them in route.ts.
 *
 * Every function takes the socket of the network namespace it works in.
 */

import { needing } from "../lacking.ts";
import { type Attribute, encodeAttributes, join, text, u32, u32s } from "./attributes.ts";
import { macBytes } from "./neighbour_frames.ts";
import { type NetlinkSocket, NLM_F } from "./netlink.ts";

/** Message types of linux/rtnetlink.h. */
const RTM = { NEWLINK: 16, DELLINK: 17 } as const;
const IFLA = {
  ADDRESS: 1,
  IFNAME: 3,
  MTU: 4,
  MASTER: 10,
  LINKINFO: 18,
  NET_NS_FD: 28,
  INFO_KIND: 1,
  INFO_DATA: 2,
  VETH_INFO_PEER: 1,
} as const;
const AF = { UNSPEC: 0 } as const;
const IFF_UP = 1;

/** What is set of a link. */
export interface LinkSettings {
  up?: boolean;
  /** Index of the bridge it becomes a port of. */
  master?: number;
  mtu?: number;
  /** `02:42:ac:11:00:02`. */
  mac?: string;
  name?: string;
}

/** struct ifinfomsg. */
function linkHeader(index: number, { up }: { up?: boolean | undefined } = {}): Uint8Array {
  const flag = up === undefined ? 0 : IFF_UP;
  return u32s(AF.UNSPEC, index, up === true ? IFF_UP : 0, flag);
}

function settingAttributes(settings: LinkSettings): Attribute[] {
  const { name, mtu, mac, master } = settings;
  return [
    ...(name === undefined ? [] : [[IFLA.IFNAME, text(name)] as const]),
    ...(mtu === undefined ? [] : [[IFLA.MTU, u32(mtu)] as const]),
    ...(mac === undefined ? [] : [[IFLA.ADDRESS, macBytes(mac)] as const]),
    ...(master === undefined ? [] : [[IFLA.MASTER, u32(master)] as const]),
  ];
}

/** The kernel's answer where it knows no links of a kind: rtnl_newlink. */
const LACKS_KIND = "EOPNOTSUPP";

/** Makes a link of a kind that needs no further data. False where one of that name exists. @throws {SyscallError} */
export function addLink(
  socket: NetlinkSocket,
  kind: "bridge" | "dummy" | "ifb",
  settings: LinkSettings & { name: string },
): boolean {
  const message = {
    type: RTM.NEWLINK,
    flags: NLM_F.CREATE | NLM_F.EXCL,
    header: linkHeader(0, settings),
    attributes: [...settingAttributes(settings), [IFLA.LINKINFO, [[IFLA.INFO_KIND, text(kind)]]]] as const,
  };
  const telling = {
    shown: `RTM_NEWLINK {IFLA_INFO_KIND="${kind}", ${showSettings(settings)}}`,
    what: `make the ${kind} ${settings.name}`,
    see: `ip -d link show ${settings.name}`,
  };
  return needing({ module: kind, refusal: LACKS_KIND }, () => {
    return socket.request(message, telling, ["EEXIST"]) === 0;
  });
}

/**
 * Makes a pair of virtual Ethernet links: one here, its peer in another namespace.
 * @param peer the other end; its namespace by descriptor
 * @throws {SyscallError}
 */
export function addVeth(
  socket: NetlinkSocket,
  own: LinkSettings & { name: string },
  peer: LinkSettings & { name: string; namespace: number },
): void {
  const peerAttributes: Attribute[] = [...settingAttributes(peer), [IFLA.NET_NS_FD, u32(peer.namespace)]];
  const information: Attribute[] = [
    [IFLA.INFO_KIND, text("veth")],
    [IFLA.INFO_DATA, [[IFLA.VETH_INFO_PEER, withHeader(linkHeader(0, peer), peerAttributes)]]],
  ];
  const message = {
    type: RTM.NEWLINK,
    flags: NLM_F.CREATE | NLM_F.EXCL,
    header: linkHeader(0, own),
    attributes: [...settingAttributes(own), [IFLA.LINKINFO, information] as const],
  };
  const telling = {
    shown: `RTM_NEWLINK {IFLA_INFO_KIND="veth", ${showSettings(own)}, peer={${showSettings(peer)}}}`,
    what: `join ${peer.name} of the container to ${own.name}`,
    see: `ip -d link show ${own.name}`,
  };
  needing({ module: "veth", refusal: LACKS_KIND }, () => socket.request(message, telling));
}

/** Attributes behind a fixed structure, inside another attribute. */
function withHeader(header: Uint8Array, attributes: readonly Attribute[]): Uint8Array {
  return join(header, encodeAttributes(attributes));
}

/** Changes a link. @throws {SyscallError} */
export function setLink(
  socket: NetlinkSocket,
  link: { index: number; name: string },
  settings: LinkSettings,
): void {
  socket.request(
    { type: RTM.NEWLINK, header: linkHeader(link.index, settings), attributes: settingAttributes(settings) },
    {
      shown: `RTM_NEWLINK {ifi_index=${link.index}, ${showSettings(settings)}}`,
      what: `set ${link.name}: ${showSettings(settings)}`,
      see: `ip link show ${link.name}`,
    },
  );
}

/** Removes a link by its name, with its peer; false where there is none. @throws {SyscallError} */
export function deleteLink(socket: NetlinkSocket, name: string): boolean {
  const answer = socket.request(
    { type: RTM.DELLINK, header: linkHeader(0), attributes: [[IFLA.IFNAME, text(name)]] },
    {
      shown: `RTM_DELLINK {IFLA_IFNAME="${name}"}`,
      what: `remove the link ${name}`,
      see: `ip link show ${name}`,
    },
    ["ENODEV"],
  );
  return answer === 0;
}

const NEIGHBOUR = { NEW: 28, AF_BRIDGE: 7, NUD_NOARP: 0x40, NTF_MASTER: 4, NDA_LLADDR: 2 } as const;

/**
 * Tells a bridge that a MAC address is behind one of its ports, as if a frame had come from there: what an earlier holder of the
 * address left in its table would send others' frames to a link that is going away. It is told as a static entry, which goes with the
 * port: one that was learnt is refused (EPERM) as long as the port does not forward, and it may begin to a moment later only.
 * @throws {SyscallError}
 */
export function learn(socket: NetlinkSocket, port: { index: number; name: string }, mac: string): void {
  socket.request(
    {
      type: NEIGHBOUR.NEW,
      flags: NLM_F.CREATE | NLM_F.REPLACE,
      // struct ndmsg: family, padding, index, state, flags, type.
      header: join(
        u32s(NEIGHBOUR.AF_BRIDGE, port.index),
        Uint8Array.of(NEIGHBOUR.NUD_NOARP, 0, NEIGHBOUR.NTF_MASTER, 0),
      ),
      attributes: [[NEIGHBOUR.NDA_LLADDR, macBytes(mac)]],
    },
    {
      shown: `RTM_NEWNEIGH {ndm_family=AF_BRIDGE, ndm_ifindex=${port.index}, NDA_LLADDR=${mac}}`,
      what: `tell the bridge that ${mac} is behind ${port.name}`,
      see: `bridge fdb show dev ${port.name}`,
    },
  );
}

type Port = { index: number; name: string };

/** Keeps what comes in by a port of a bridge from its other isolated ports; the bridge itself stays in reach. @throws {SyscallError} */
export function isolatePort(socket: NetlinkSocket, port: Port): void {
  setPortFlag(socket, port, { flag: "ISOLATED", what: `keep ${port.name} from other containers` });
}

/**
 * Lets what comes in by a port of a bridge leave by the same one, as what a container sends to itself by an address of the host
 * does where the kernel hands bridged frames to the rules (br_netfilter). @throws {SyscallError}
 */
export function reflectPort(socket: NetlinkSocket, port: Port): void {
  setPortFlag(socket, port, { flag: "MODE", what: `let ${port.name} be reached from itself` });
}

const SETLINK = 19;
const AF_BRIDGE = 7;
const IFLA_PROTINFO = 12;
const BRPORT = { MODE: 4, ISOLATED: 33 } as const;

function setPortFlag(
  socket: NetlinkSocket,
  port: Port,
  { flag, what }: { flag: keyof typeof BRPORT; what: string },
): void {
  socket.request(
    {
      type: SETLINK,
      header: u32s(AF_BRIDGE, port.index, 0, 0),
      attributes: [[IFLA_PROTINFO, [[BRPORT[flag], Uint8Array.of(1)]]]],
    },
    {
      shown: `RTM_SETLINK {ifi_family=AF_BRIDGE, ifi_index=${port.index}, IFLA_BRPORT_${flag}=1}`,
      what,
      see: `bridge -d link show dev ${port.name}`,
    },
  );
}

function showSettings(settings: LinkSettings & { namespace?: number }): string {
  return Object.entries(settings)
    .map(([name, value]) => (value === true ? name : `${name}=${value}`))
    .join(", ");
}
