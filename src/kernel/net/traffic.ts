/**
 * How fast a link may be: queueing disciplines and filters, by rtnetlink; tc(8), tc-tbf(8), linux/pkt_sched.h, linux/pkt_cls.h.
 *
 * What leaves by a link is held back by a token bucket on it. What comes in by one cannot be queued there; it is led through a
 * link of the kind ifb first, and held back on that.
 */

import { needing } from "../lacking.ts";
import { type Attribute, encodeAttributes, join, text, u32, u32s } from "./attributes.ts";
import { type NetlinkSocket, NLM_F } from "./netlink.ts";

const RTM = { NEWQDISC: 36, DELQDISC: 37, NEWTFILTER: 44 } as const;
const TCA = { KIND: 1, OPTIONS: 2 } as const;
const TBF = { PARMS: 1, RATE64: 4, BURST: 6 } as const;
const U32 = { SEL: 5, ACT: 7 } as const;
const HANDLE = {
  root: 0xffff_ffff,
  ingress: 0xffff_fff1,
  ingressHandle: 0xffff_0000,
  first: 0x1_0000,
} as const;
const LINKLAYER_ETHERNET = 1;
const MOST_RATE_32 = 0xffff_ffff;

type Link = { index: number; name: string };

/** struct tcmsg: family, index, handle, parent, info. */
function header(link: Link, { handle = 0, parent = 0, info = 0 }): Uint8Array {
  return u32s(0, link.index, handle, parent, info);
}

/**
 * Lets a link send so many bytes a second and no more, on average over a hundredth of a second; replaces what limited it before.
 * @throws {SyscallError}
 */
export function limitRate(socket: NetlinkSocket, link: Link, bytesPerSecond: number): void {
  const burst = Math.max(LEAST_BURST, Math.ceil(bytesPerSecond / 100));
  const limit = burst + Math.max(LEAST_QUEUE, Math.ceil(bytesPerSecond / 10));
  const attributes: Attribute[] = [
    [TCA.KIND, text("tbf")],
    [
      TCA.OPTIONS,
      [
        [TBF.PARMS, bucket(bytesPerSecond, limit)],
        [TBF.RATE64, eightBytes(bytesPerSecond)],
        [TBF.BURST, u32(burst)],
      ],
    ],
  ];
  const message = {
    type: RTM.NEWQDISC,
    flags: NLM_F.CREATE | NLM_F.REPLACE,
    header: header(link, { handle: HANDLE.first, parent: HANDLE.root }),
    attributes,
  };
  const telling = {
    shown: `RTM_NEWQDISC {tbf, rate=${bytesPerSecond} bytes/s, burst=${burst}, limit=${limit}}`,
    what: `let ${link.name} send ${bytesPerSecond} bytes a second`,
    see: `tc -s qdisc show dev ${link.name}`,
  };
  needing({ module: "sch_tbf", refusal: "ENOENT" }, () => socket.request(message, telling));
}

/** A whole segment that was put together for speed must fit, or it is taken apart again. */
const LEAST_BURST = 32 * 1024;
const LEAST_QUEUE = 128 * 1024;

/** struct tc_tbf_qopt: rate and peak rate (struct tc_ratespec), limit, buffer, mtu. */
function bucket(bytesPerSecond: number, limit: number): Uint8Array {
  const rate = Uint8Array.of(0, LINKLAYER_ETHERNET, 0, 0, 0, 0, 0, 0);
  return join(rate, u32(Math.min(bytesPerSecond, MOST_RATE_32)), new Uint8Array(12), u32s(limit, 0, 0));
}

function eightBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return bytes;
}

/** Takes a link's limit away; no error where it has none. @throws {SyscallError} */
export function removeRateLimit(socket: NetlinkSocket, link: Link): void {
  socket.request(
    { type: RTM.DELQDISC, header: header(link, { parent: HANDLE.root }) },
    {
      shown: "RTM_DELQDISC {root}",
      what: `let ${link.name} send as fast as it can`,
      see: `tc qdisc show dev ${link.name}`,
    },
    ["ENOENT", "EINVAL"],
  );
}

/** Leads all that comes in by a link through another one, of the kind ifb. @throws {SyscallError} ENOENT where the kernel cannot. */
export function redirectIncoming(socket: NetlinkSocket, link: Link, through: Link): void {
  socket.request(
    {
      type: RTM.NEWQDISC,
      flags: NLM_F.CREATE | NLM_F.REPLACE,
      header: header(link, { handle: HANDLE.ingressHandle, parent: HANDLE.ingress }),
      attributes: [[TCA.KIND, text("ingress")]],
    },
    { shown: "RTM_NEWQDISC {ingress}", what: `watch what comes in by ${link.name}` },
  );
  socket.request(
    {
      type: RTM.NEWTFILTER,
      flags: NLM_F.CREATE | NLM_F.EXCL,
      header: header(link, { parent: HANDLE.ingressHandle, info: (PRIORITY << 16) | ETH_P_ALL }),
      attributes: [
        [TCA.KIND, text("u32")],
        [
          TCA.OPTIONS,
          [
            [U32.SEL, EVERYTHING],
            [U32.ACT, [[1, redirection(through)]]],
          ],
        ],
      ],
    },
    {
      shown: `RTM_NEWTFILTER {u32 match all, mirred egress redirect dev ${through.name}}`,
      what: `lead what comes in by ${link.name} through ${through.name}`,
      see: `tc filter show dev ${link.name} ingress`,
    },
  );
}

/** Lets what comes in by a link go its own way again; no error where it does. @throws {SyscallError} */
export function stopRedirecting(socket: NetlinkSocket, link: Link): void {
  socket.request(
    { type: RTM.DELQDISC, header: header(link, { handle: HANDLE.ingressHandle, parent: HANDLE.ingress }) },
    {
      shown: "RTM_DELQDISC {ingress}",
      what: `let what comes in by ${link.name} go its own way`,
      see: `tc qdisc show dev ${link.name}`,
    },
    ["ENOENT", "EINVAL"],
  );
}

const PRIORITY = 1;
/** ETH_P_ALL (3) in network order. */
const ETH_P_ALL = 0x0300;
const TERMINAL = 1;
/** struct tc_u32_sel with one key, whose mask is nothing: all matches. */
const EVERYTHING = join(Uint8Array.of(TERMINAL, 0, 1), new Uint8Array(13 + 16));
const MIRRED_PARMS = 2;
const STOLEN = 4;
const EGRESS_REDIRECT = 1;

/** struct tc_mirred: index, capabilities, action, two counts, what is done, the link. */
function redirection({ index }: Link): Uint8Array {
  const attributes: Attribute[] = [
    [TCA.KIND, text("mirred")],
    [TCA.OPTIONS, [[MIRRED_PARMS, u32s(0, 0, STOLEN, 0, 0, EGRESS_REDIRECT, index)]]],
  ];
  return encodeAttributes(attributes);
}
