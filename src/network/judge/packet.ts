/** A packet as rules see it, made up to find out what they would do with it. */

export interface Packet {
  version: 4 | 6;
  /** Names of the links it comes in and leaves by; empty where there is none. */
  in: string;
  out: string;
  /** Four or sixteen bytes. */
  source: Uint8Array;
  destination: Uint8Array;
  /** An address of the host, as `fib daddr type local` has it. */
  isForHost: boolean;
  protocol: "tcp" | "udp" | "sctp" | "icmp";
  port: number;
  /** The first of its connection, or a later one. */
  connection: "new" | "established";
  /** Its destination was another before: a published port. */
  isTranslated: boolean;
}

/** IANA's numbers. */
export function protocolNumber({ protocol, version }: Packet): number {
  if (protocol === "icmp") return version === 4 ? 1 : 58;
  return { tcp: 6, udp: 17, sctp: 132 }[protocol];
}

/** Above those that services have, as of any client. */
const CLIENT_PORT = 40_000;
/** RFC 791; RFC 8200. */
export function networkHeader(packet: Packet): Uint8Array {
  const { version, source, destination } = packet;
  const number = protocolNumber(packet);
  if (version === 4)
    return Uint8Array.of(0x45, 0, 0, 60, 0, 1, 0x40, 0, 64, number, 0, 0, ...source, ...destination);
  return Uint8Array.of(0x60, 0, 0, 0, 0, 40, number, 64, ...source, ...destination);
}

export const TCP_FLAGS = { SYN: 0x02, ACK: 0x10 } as const;

/** RFC 9293; RFC 768. Of ICMP an echo request. */
export function transportHeader({ protocol, port, connection }: Packet): Uint8Array {
  const bytes = new Uint8Array(20);
  const view = new DataView(bytes.buffer);
  if (protocol === "icmp") {
    view.setUint8(0, 8);
    return bytes.subarray(0, 8);
  }
  view.setUint16(0, CLIENT_PORT);
  view.setUint16(2, port);
  if (protocol !== "tcp") return bytes.subarray(0, 8);
  view.setUint8(12, 5 << 4);
  view.setUint8(13, connection === "new" ? TCP_FLAGS.SYN : TCP_FLAGS.ACK);
  return bytes;
}
