/** Routes, by rtnetlink; rtnetlink(7), linux/rtnetlink.h. */

import { type Family, ipBytes, parseIp } from "../../std/ip.ts";
import { FAMILIES } from "./address.ts";
import { type Attribute, join, u32 } from "./attributes.ts";
import { type NetlinkSocket, NLM_F } from "./netlink.ts";

const RTM = { NEWROUTE: 24 } as const;
const RTA = { OIF: 4, GATEWAY: 5 } as const;
/** struct rtmsg's fields: RT_TABLE_MAIN, RTPROT_BOOT, RT_SCOPE_UNIVERSE and RT_SCOPE_LINK, RTN_UNICAST. */
const ROUTE = { table: 254, protocol: 3, universe: 0, link: 253, unicast: 1 } as const;

/** Where what has no better way goes. */
export interface DefaultWay {
  family: Family;
  /** Empty where everybody is behind the link itself. */
  gateway: string;
}

/** Sends all that has no better way out of a link, in place of where it went before. @throws {SyscallError} */
export function addDefaultRoute(
  socket: NetlinkSocket,
  link: { index: number; name: string },
  { family, gateway }: DefaultWay,
): void {
  const scope = gateway === "" && family === 4 ? ROUTE.link : ROUTE.universe;
  const header = [FAMILIES[family], 0, 0, 0, ROUTE.table, ROUTE.protocol, scope, ROUTE.unicast];
  const by: Attribute[] = gateway === "" ? [] : [[RTA.GATEWAY, ipBytes(parseIp(gateway))]];
  socket.request(
    {
      type: RTM.NEWROUTE,
      flags: NLM_F.CREATE | NLM_F.REPLACE,
      header: join(Uint8Array.from(header), u32(0)),
      attributes: [...by, [RTA.OIF, u32(link.index)]],
    },
    {
      shown: `RTM_NEWROUTE {default, ${gateway && `RTA_GATEWAY=${gateway}, `}RTA_OIF=${link.index}}`,
      what: `send everything else ${gateway === "" ? `out of ${link.name}` : `to ${gateway}`}`,
      see: `nsenter -t PID -n ip ${family === 6 ? "-6 " : ""}route`,
    },
  );
}
