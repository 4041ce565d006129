/** The addresses that a bridge of the host has in its network's subnets: containers' gateways. */

import { addAddress, listAddresses, type NetlinkSocket, writeSysctl } from "../kernel/net/mod.ts";
import { type AddressInSubnet, ipText } from "../std/ip.ts";

/** Gives a link those that it has not. @throws {SyscallError} */
export function giveAddresses(
  socket: NetlinkSocket,
  link: { index: number; name: string },
  gateways: readonly AddressInSubnet[],
): void {
  for (const family of [4, 6] as const) {
    const wanted = gateways.filter((gateway) => gateway.family === family);
    if (wanted.length === 0) continue;
    const has = listAddresses(socket, family).filter(({ index }) => index === link.index);
    for (const { address: value, prefix } of wanted) {
      const address = ipText({ family, value });
      if (!has.some((one) => one.address === address)) addAddress(socket, link, { address, prefix });
    }
  }
}

/** Without IPv6 the host is not in reach by it either; with it, the bridge believes no router that a container makes up. */
export function settleIpv6(link: string, isOn: boolean): void {
  writeSysctl(`net/ipv6/conf/${link}/accept_ra`, "0");
  writeSysctl(`net/ipv6/conf/${link}/disable_ipv6`, isOn ? "0" : "1");
}
