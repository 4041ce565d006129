/** Capabilities by name: all there are, Docker's default, and what a container is given of them. */

import { FathomError } from "../../std/errors.ts";

/** Names in the order of their numbers, capabilities(7) and linux/capability.h. */
const BY_NUMBER = `
  CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST
  NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE
  SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM
  BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE
`
  .trim()
  .split(/\s+/)
  .map((name) => `CAP_${name}`);

/** What Docker gives a container by default, in Docker's order. */
const DEFAULT = `
  CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE
`
  .trim()
  .split(/\s+/)
  .map((name) => `CAP_${name}`);

const ALL = "ALL";

/** What there is and what a container has by default. */
export const CAPABILITIES = { all: BY_NUMBER, byDefault: DEFAULT } as const;

/** The capabilities of a mask of proc(5)'s status: `CapEff: 000001ffffffffff`. */
export function capabilitiesOfMask(hexadecimal: string): string[] {
  const mask = BigInt(`0x${hexadecimal}`);
  return BY_NUMBER.filter((_, number) => ((mask >> BigInt(number)) & 1n) === 1n);
}

/**
 * Names as Docker keeps them: in capitals, with CAP_ in front, ALL as it is, sorted, each once; null for none.
 * @throws {FathomError} invalid, naming the field and the capability nobody knows.
 */
export function normaliseCapabilities(
  names: readonly string[],
  field: "CapAdd" | "CapDrop",
): string[] | null {
  if (names.length === 0) return null;
  const normal = names.map((name) => {
    const upper = name.toUpperCase();
    if (upper === ALL) return ALL;
    const full = upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
    if (!BY_NUMBER.includes(full))
      throw new FathomError("invalid", `invalid ${field}: unknown capability: "${full}"`);
    return full;
  });
  return [...new Set(normal.includes(ALL) ? [ALL, ...normal] : normal)].sort(byAllFirst);
}

function byAllFirst(a: string, b: string): number {
  if (a === ALL || b === ALL) return a === ALL ? -1 : 1;
  return a < b ? -1 : 1;
}

export interface CapabilityRequest {
  add: readonly string[];
  drop: readonly string[];
  privileged: boolean;
}

/** The bounding set of a container; `own` are the capabilities the engine has, and so all that it can give. */
export function grantedCapabilities(request: CapabilityRequest, own: readonly string[]): string[] {
  const { add, drop, privileged } = request;
  if (privileged) return [...own];
  const named = add.filter((name) => name !== ALL);
  if (add.includes(ALL)) return own.filter((name) => !drop.includes(name));
  if (drop.includes(ALL)) return named;
  const kept = DEFAULT.filter((name) => !drop.includes(name));
  return [...kept, ...named.filter((name) => !kept.includes(name))];
}

/** The capability asked for by name that the engine does not have itself. */
export function missingCapability(request: CapabilityRequest, own: readonly string[]): string | undefined {
  return request.add.find((name) => name !== ALL && !own.includes(name));
}
