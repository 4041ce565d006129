/**
 * The matches and targets of iptables that nftables runs as they are, by their structures in linux/netfilter/xt_*.h. Pure. Those
 * that are not here are `unknown`.
 */

import type { Outcome } from "./outcome.ts";
import { type Packet, TCP_FLAGS } from "./packet.ts";

interface Match {
  info: Uint8Array;
  packet: Packet;
}

/** A match by its name and revision. */
export function matchOf(name: string, revision: number, match: Match): Outcome {
  const found = MATCHES[`${name} ${revision}`] ?? MATCHES[name];
  return found === undefined ? "unknown" : found(viewOf(match.info), match.packet);
}

/** A target; those that only note or change something let the rules go on. */
export function targetOf(name: string): Outcome {
  if (name === "REJECT") return { kind: "reject" };
  return NOTING.has(name) ? "next" : "unknown";
}

const NOTING: ReadonlySet<string> = new Set([
  ..."LOG NFLOG AUDIT MARK CONNMARK CONNSECMARK SECMARK CT TCPMSS CLASSIFY DSCP TOS CHECKSUM TRACE SET".split(
    " ",
  ),
]);

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const says = (matches: boolean): Outcome => (matches ? "next" : "no");

const MATCHES: Readonly<Record<string, (info: DataView, packet: Packet) => Outcome>> = {
  comment: () => "next",
  limit: () => "next",
  "conntrack 3": conntrack,
  "conntrack 2": conntrack,
  state: (info, packet) => says((info.getUint32(0, true) & stateBits(packet)) !== 0),
  "addrtype 1": (info, { isForHost }) => {
    const [source, destination, flags] = [
      info.getUint16(0, true),
      info.getUint16(2, true),
      info.getUint32(4, true),
    ];
    const isSource = source === 0 || ((source & TYPES.unicast) !== 0) !== ((flags & 1) !== 0);
    const type = isForHost ? TYPES.local : TYPES.unicast;
    const isDestination = destination === 0 || ((destination & type) !== 0) !== ((flags & 2) !== 0);
    return says(isSource && isDestination);
  },
  mark: (info) => says((info.getUint32(0, true) === 0) !== (info.byteLength > 8 && info.getUint8(8) !== 0)),
  tcp: (info, packet) => {
    const inverted = info.getUint8(11);
    const flags = packet.connection === "new" ? TCP_FLAGS.SYN : TCP_FLAGS.ACK;
    const isFlagged = (flags & info.getUint8(9)) === info.getUint8(10);
    return says(
      packet.protocol === "tcp" &&
        isPort(info, packet, inverted) &&
        isFlagged !== ((inverted & INVERTED.flags) !== 0),
    );
  },
  udp: (info, packet) => says(packet.protocol === "udp" && isPort(info, packet, info.getUint8(8))),
  "multiport 1": (info, { port }) => {
    const [kind, count] = [info.getUint8(0), info.getUint8(1)];
    const inverted = info.getUint8(MULTIPORT.inverted) !== 0;
    return kind === MULTIPORT.ofSource ? "unknown" : says(isAmong(info, count, port) !== inverted);
  },
};

/** XT_ADDRTYPE_. */
const TYPES = { unicast: 2, local: 4 } as const;
const INVERTED = { destinationPort: 2, flags: 4 } as const;
const MULTIPORT = { ofSource: 0, ports: 2, ranges: 32, inverted: 47 } as const;

/** Ports are in the host's order; which one a client has is not known, and mostly any will do. */
function isPort(info: DataView, { port }: Packet, inverted: number): boolean {
  const inside = info.getUint16(4, true) <= port && port <= info.getUint16(6, true);
  return inside !== ((inverted & INVERTED.destinationPort) !== 0);
}

/** A port that is marked so begins a range, which the next one ends. */
function isAmong(info: DataView, count: number, port: number): boolean {
  for (let index = 0; index < count; index++) {
    const from = info.getUint16(MULTIPORT.ports + 2 * index, true);
    const isRange = info.getUint8(MULTIPORT.ranges + index) !== 0;
    const to = isRange ? info.getUint16(MULTIPORT.ports + 2 * (index + 1), true) : from;
    if (from <= port && port <= to) return true;
    if (isRange) index++;
  }
  return false;
}

/** XT_CONNTRACK_STATE_BIT, XT_CONNTRACK_STATE_DNAT. */
const STATES = { new: 8, established: 2 } as const;
const TRANSLATED = 128;

function stateBits({ connection, isTranslated }: Packet): number {
  return STATES[connection] | (isTranslated ? TRANSLATED : 0);
}

/** XT_CONNTRACK_STATE, and the mark of a rule that said `-m state`. */
const STATE = 1;
const SAID_STATE = 0x2000;
/** struct xt_conntrack_mtinfo3 begins with addresses and ports; then: which of it counts, what is inverted, the states. */
const CONNTRACK = { counts: 146, inverted: 148, states: 150 } as const;

function conntrack(info: DataView, packet: Packet): Outcome {
  if ((info.getUint16(CONNTRACK.counts, true) & ~SAID_STATE) !== STATE) return "unknown";
  const isAmong = (info.getUint16(CONNTRACK.states, true) & stateBits(packet)) !== 0;
  const inverted = (info.getUint16(CONNTRACK.inverted, true) & STATE) !== 0;
  return says(isAmong !== inverted);
}
