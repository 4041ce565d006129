/**
 * Who the program is: user, groups and capabilities, capabilities(7).
 *
 * The order follows from what each step needs: bounding drops and groups while the process may still do so, the user with its
 * capabilities kept, then the capabilities themselves.
 */

import { bytes, type Call, named } from "../../kernel/mod.ts";
import type { Capabilities, Process } from "../../spec/oci_runtime.ts";
import { FathomError } from "../../std/errors.ts";
import type { HostFacts } from "./context.ts";
import { prctl } from "./rows.ts";

/** Names by number: include/uapi/linux/capability.h, up to CAP_CHECKPOINT_RESTORE of Linux 5.9, after which none came. */
const NAMES = `
  CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST
  NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE
  SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM
  BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE`
  .trim()
  .split(/\s+/)
  .map((name) => `CAP_${name}`);

const SYS_ADMIN = 1n << BigInt(NAMES.indexOf("CAP_SYS_ADMIN"));

/** The sets a program gets, as masks: what was asked for and this host can give. */
export interface CapabilitySets {
  bounding: bigint;
  effective: bigint;
  permitted: bigint;
  inheritable: bigint;
  ambient: bigint;
}

/** @throws {FathomError} invalid, for an unknown name. */
export function capabilitySets(
  wanted: Capabilities | undefined,
  { capabilities: held }: HostFacts,
): CapabilitySets {
  const mask = (names: readonly string[] | undefined): bigint => maskOf(names ?? []) & held;
  const permitted = mask(wanted?.permitted);
  const inheritable = mask(wanted?.inheritable);
  return {
    bounding: mask(wanted?.bounding),
    effective: mask(wanted?.effective) & permitted,
    permitted,
    inheritable,
    // The kernel takes as ambient only what is permitted and inheritable.
    ambient: mask(wanted?.ambient) & permitted & inheritable,
  };
}

function maskOf(names: readonly string[]): bigint {
  return names.reduce((mask, name) => {
    const number = NAMES.indexOf(name);
    if (number < 0) throw new FathomError("invalid", `unknown capability ${JSON.stringify(name)}`);
    return mask | (1n << BigInt(number));
  }, 0n);
}

/**
 * Rows that give the process its user and capabilities. With `keepAdmin` it has CAP_SYS_ADMIN besides, which a seccomp filter
 * needs of a process that may gain privileges; `capsetRow` takes it away.
 */
export function identityRows(
  process: Process,
  host: HostFacts,
  { keepAdmin }: { keepAdmin: boolean },
): Call[] {
  const sets = capabilitySets(process.capabilities, host);
  const { uid, gid, additionalGids = [] } = process.user;
  const groups = Uint32Array.from(additionalGids);
  const changesUser = uid !== 0;
  return [
    ...boundingRows(sets, host),
    ...(changesUser ? [prctl("SET_KEEPCAPS", [1], "keep capabilities while the user changes")] : []),
    {
      call: "setgroups",
      args: [groups.length, bytes(new Uint8Array(groups.buffer), JSON.stringify(additionalGids))],
      what: "set the groups",
      see: "grep Groups /proc/PID/status",
    },
    {
      call: "setresgid",
      args: [gid, gid, gid],
      what: `become group ${gid}`,
      see: "grep Gid /proc/PID/status",
    },
    {
      call: "setresuid",
      args: [uid, uid, uid],
      what: `become user ${uid}`,
      see: "grep Uid /proc/PID/status",
    },
    capsetRow(sets, keepAdmin ? SYS_ADMIN & host.capabilities : 0n),
    ...ambientRows(sets),
  ];
}

function boundingRows({ bounding }: CapabilitySets, { lastCapability }: HostFacts): Call[] {
  const dropped = Array.from({ length: lastCapability + 1 }, (_, number) => number).filter(
    (number) => !hasBit(bounding, number),
  );
  return dropped.map((number) => ({
    ...prctl("CAPBSET_DROP", [named(number, nameOf(number))], `forbid ${nameOf(number)} for good`),
    see: "capsh --decode=$(awk '/CapBnd/{print $2}' /proc/PID/status)",
  }));
}

function ambientRows({ ambient }: CapabilitySets): Call[] {
  return NAMES.flatMap((name, number) => {
    if (!hasBit(ambient, number)) return [];
    const raise = named(PR_CAP_AMBIENT_RAISE, "PR_CAP_AMBIENT_RAISE");
    return [prctl("CAP_AMBIENT", [raise, named(number, name), 0, 0], `keep ${name} through execve`)];
  });
}

const PR_CAP_AMBIENT_RAISE = 2;
const LINUX_CAPABILITY_VERSION_3 = 0x2008_0522;

/** Sets the effective, permitted and inheritable capabilities, with `more` in the first two. */
export function capsetRow({ effective, permitted, inheritable }: CapabilitySets, more: bigint): Call {
  const header = new Uint32Array([LINUX_CAPABILITY_VERSION_3, 0]);
  const masks = [effective | more, permitted | more, inheritable];
  const halves = [...masks.map((mask) => mask & 0xffff_ffffn), ...masks.map((mask) => mask >> 32n)];
  const data = Uint32Array.from(halves, Number);
  const [e, p, i] = masks.map((mask) => mask.toString(16).padStart(16, "0"));
  return {
    call: "capset",
    args: [
      bytes(new Uint8Array(header.buffer), "{version=_LINUX_CAPABILITY_VERSION_3, pid=0}"),
      bytes(new Uint8Array(data.buffer), `{effective=${e}, permitted=${p}, inheritable=${i}}`),
    ],
    what:
      more === 0n
        ? "set the capabilities"
        : "set the capabilities, and CAP_SYS_ADMIN until the seccomp filter is in force",
    see: "grep Cap /proc/PID/status",
  };
}

/** Whether a filter can be put in force only with CAP_SYS_ADMIN on top of what the program gets. */
export function needsAdmin(process: Process, host: HostFacts): boolean {
  const { effective } = capabilitySets(process.capabilities, host);
  return process.noNewPrivileges !== true && (effective & SYS_ADMIN) === 0n;
}

function nameOf(number: number): string {
  return NAMES[number] ?? `capability ${number}`;
}

function hasBit(mask: bigint, bit: number): boolean {
  return ((mask >> BigInt(bit)) & 1n) === 1n;
}
