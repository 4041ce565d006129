/** Ports of the host that lead to containers: as asked for, and as given. Pure. */

import { ipText, parseIp } from "../../std/ip.ts";

export type Protocol = "tcp" | "udp" | "sctp";

/** Numbers of netinet/in.h. */
export const PROTOCOL_NUMBERS: Readonly<Record<Protocol, number>> = { tcp: 6, udp: 17, sctp: 132 };

/** Ports from the first to the last. */
export interface PortRange {
  first: number;
  last: number;
}

/** What a container asks for. */
export interface PortWish {
  protocol: Protocol;
  /** Of the host; empty for the engine's default. */
  address: string;
  container: PortRange;
  /** As many as the container's; more than the one port of the container: one of them; absent: whatever is free. */
  host?: PortRange;
}

/**
 * Ports of the host, side by side, that lead to as many ports of a container. Field names as in the records on disk, where it
 * stands with the sandbox.
 */
export interface PublishedRange {
  Protocol: Protocol;
  /** `0.0.0.0`, `::` or one of the host's addresses. */
  HostIp: string;
  HostPort: number;
  ContainerPort: number;
  Count: number;
}

export const EVERY_ADDRESS = { 4: "0.0.0.0", 6: "::" } as const;

export function familyOf(address: string): 4 | 6 {
  return address.includes(":") ? 6 : 4;
}

export function isEvery(address: string): boolean {
  return address === EVERY_ADDRESS[4] || address === EVERY_ADDRESS[6];
}

/** Whether two addresses of this host, either of which may mean every one of its family, have one in common. */
export function meet(a: string, b: string): boolean {
  if (familyOf(a) !== familyOf(b)) return false;
  return a === b || isEvery(a) || isEvery(b);
}

/** An address as packets have it. @throws {FathomError} invalid */
export function ipBytes(address: string): Uint8Array {
  const { family, value } = parseIp(address);
  const length = family === 4 ? 4 : 16;
  return Uint8Array.from({ length }, (_, at) => Number((value >> BigInt(8 * (length - 1 - at))) & 0xffn));
}

/** The opposite. */
export function ipOfBytes(bytes: Uint8Array): string {
  const value = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return ipText({ family: bytes.length === 4 ? 4 : 6, value });
}

/** `0.0.0.0:80`, `[::]:80`. */
export function placeText(address: string, port: number): string {
  return familyOf(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Whether a range goes on where another ends, on both sides. */
export function goesOn(before: PublishedRange, next: PublishedRange): boolean {
  return (
    before.HostPort + before.Count === next.HostPort &&
    before.ContainerPort + before.Count === next.ContainerPort
  );
}

const MOST_NAMED = 4;

/** For a person: `0.0.0.0:80/tcp, 3 more`. */
export function rangesText(ranges: readonly PublishedRange[] = []): string {
  const named = ranges.slice(0, MOST_NAMED).map(({ HostIp, HostPort, Count, Protocol }) => {
    const place = placeText(HostIp, HostPort);
    return `${Count === 1 ? place : `${place}-${HostPort + Count - 1}`}/${Protocol}`;
  });
  return [...named, ...(ranges.length > MOST_NAMED ? [`${ranges.length - MOST_NAMED} more`] : [])].join(", ");
}
