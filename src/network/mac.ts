/** MAC addresses that follow from IP addresses. Pure. */

import { parseIp } from "../std/ip.ts";
import { macOf } from "./ipv4.ts";

/** Of the first address: it says who it is, and whoever has it next is found under the same. */
export function macFor(addresses: readonly string[]): string {
  const [first] = addresses.filter((address) => address !== "");
  return first === undefined ? macOf(0) : macOf(Number(parseIp(first).value & 0xffff_ffffn));
}
