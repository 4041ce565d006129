/** Addresses of links, by rtnetlink; rtnetlink(7), linux/if_addr.h. Addresses are text, `172.17.0.2` and `fd00::2`. */

import { ipBytes, lastOf, parseIp, parseSubnet } from "../../std/ip.ts";
import { join, u32 } from "./attributes.ts";
import { type NetlinkSocket, NLM_F } from "./netlink.ts";

const RTM_NEWADDR = 20;
const IFA = { ADDRESS: 1, LOCAL: 2, BROADCAST: 4 } as const;
export const FAMILIES = { 4: 2, 6: 10 } as const;
/** No other may have it: nobody is asked before it is used. RFC 4862, section 5.4. */
const IFA_F_NODAD = 2;
const SCOPE = { global: 0, link: 253 } as const;

/** An address in its network. */
export interface InterfaceAddress {
  address: string;
  prefix: number;
  /** Not for others than the neighbours on this link. */
  linkLocal?: boolean;
}

/** Gives a link an address; no error when it has it. @throws {SyscallError} */
export function addAddress(
  socket: NetlinkSocket,
  link: { index: number; name: string },
  { address, prefix, linkLocal = false }: InterfaceAddress,
): void {
  const { family, value } = parseIp(address);
  const local = ipBytes({ family, value });
  const broadcast = lastOf(parseSubnet(`${address}/${prefix}`));
  const hasBroadcast = family === 4 && prefix < 31;
  const flags = family === 6 ? IFA_F_NODAD : 0;
  const scope = linkLocal ? SCOPE.link : SCOPE.global;
  socket.request(
    {
      type: RTM_NEWADDR,
      flags: NLM_F.CREATE | NLM_F.EXCL,
      // struct ifaddrmsg: family, prefix length, flags, scope, index.
      header: join(Uint8Array.of(FAMILIES[family], prefix, flags, scope), u32(link.index)),
      attributes: [
        [IFA.LOCAL, local],
        [IFA.ADDRESS, local],
        ...(hasBroadcast ? [[IFA.BROADCAST, ipBytes({ family, value: broadcast })] as const] : []),
      ],
    },
    {
      shown: `RTM_NEWADDR {ifa_index=${link.index}, IFA_LOCAL=${address}/${prefix}}`,
      what: `give ${link.name} the address ${address}/${prefix}`,
      see: `ip addr show ${link.name}`,
    },
    ["EEXIST"],
  );
}
