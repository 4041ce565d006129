/** MAC addresses that follow from IP addresses. Pure. */

import { type Ip, parseIp } from "../std/ip.ts";

/** `02:42:ac:11:00:02` for 172.17.0.2: the address says who it is, and whoever has it next is found under the same. */
export function macOf({ value }: Ip): string {
  const low = (value & 0xffff_ffffn).toString(16).padStart(8, "0");
  return `02:42:${low.replace(/..(?!$)/g, "$&:")}`;
}

/** Of the first address that is there. */
export function macFor(addresses: readonly string[]): string {
  const [first] = addresses.filter((address) => address !== "");
  return macOf(first === undefined ? { family: 4, value: 0n } : parseIp(first));
}
