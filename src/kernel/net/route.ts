/** Routes, by rtnetlink; rtnetlink(7), linux/rtnetlink.h. */

import { ipBytes, parseIp } from "../../std/ip.ts";
import type { ERRNO } from "../errno.ts";
import { FAMILIES } from "./address.ts";
import { join, u32 } from "./attributes.ts";
import { type NetlinkSocket, NLM_F } from "./netlink.ts";

const RTM = { NEWROUTE: 24 } as const;
const RTA = { OIF: 4, GATEWAY: 5 } as const;
/** struct rtmsg's fields: RT_TABLE_MAIN, RTPROT_BOOT, RT_SCOPE_UNIVERSE, RTN_UNICAST. */
const ROUTE = { table: 254, protocol: 3, universe: 0, unicast: 1 } as const;

type Link = { index: number; name: string };

/** Sends all that has no better way to a gateway, in place of where it went before. @throws {SyscallError} */
export function addDefaultRoute(
  socket: NetlinkSocket,
  link: Link,
  gateway: string,
  may: readonly (keyof typeof ERRNO)[] = [],
): void {
  const ip = parseIp(gateway);
  const family = FAMILIES[ip.family];
  socket.request(
    {
      type: RTM.NEWROUTE,
      flags: NLM_F.CREATE | NLM_F.REPLACE,
      header: join(
        Uint8Array.of(family, 0, 0, 0, ROUTE.table, ROUTE.protocol, ROUTE.universe, ROUTE.unicast),
        u32(0),
      ),
      attributes: [
        [RTA.GATEWAY, ipBytes(ip)],
        [RTA.OIF, u32(link.index)],
      ],
    },
    {
      shown: `RTM_NEWROUTE {default, RTA_GATEWAY=${gateway}, RTA_OIF=${link.index}}`,
      what: `send everything else to ${gateway}`,
      see: `nsenter -t PID -n ip ${ip.family === 6 ? "-6 " : ""}route`,
    },
    may,
  );
}
