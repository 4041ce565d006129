/**
 * The target REJECT of iptables, which is not allowed at the hook prerouting, as nftables' own refusal, which is. Pure.
 * linux/netfilter_ipv4/ipt_REJECT.h, linux/netfilter_ipv6/ip6t_REJECT.h.
 */

import {
  be32,
  decodeAttributes,
  encodeAttributes,
  type Family,
  type HostExpression,
  readText,
  readU32,
} from "../../kernel/net/mod.ts";

/** NFT_REJECT_ICMP_UNREACH, NFT_REJECT_TCP_RST. */
const TYPE = { icmp: 0, reset: 1 } as const;
/** By what the target is told: codes of RFC 792 and RFC 1122, and of RFC 4443. */
const CODES = { ip: [0, 1, 2, 3, 3, 9, 10, 0, 13], ip6: [0, 1, 2, 3, 4, 4, 0, 5, 6] } as const;
const RESETS = { ip: 7, ip6: 6 } as const;

/** Undefined for any other expression. */
export function nativeRefusal(family: Family, { name, data }: HostExpression): HostExpression | undefined {
  const target = decodeAttributes(data);
  if (name !== "target" || readText(target.get(1)) !== "REJECT" || family === "inet") return undefined;
  const told = readU32(target.get(3));
  const type = told === RESETS[family] ? TYPE.reset : TYPE.icmp;
  const code = CODES[family][told] ?? 0;
  return {
    name: "reject",
    data: encodeAttributes([
      [1, be32(type)],
      [2, Uint8Array.of(code)],
    ]),
  };
}
