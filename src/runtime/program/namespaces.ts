/** Namespaces: which are made with the process, which it joins, and what is set in new ones. */

import { type Call, CLONE, flags, named, result, text } from "../../kernel/mod.ts";
import type { Namespace, NamespaceType, RuntimeConfig } from "../../spec/oci_runtime.ts";
import { FathomError } from "../../std/errors.ts";
import { hasClockOffsets } from "./clocks.ts";
import type { ProgramContext } from "./context.ts";

/** The flag of clone(2) and setns(2) for each. */
export const NAMESPACE_FLAG = {
  pid: CLONE.NEWPID,
  network: CLONE.NEWNET,
  mount: CLONE.NEWNS,
  ipc: CLONE.NEWIPC,
  uts: CLONE.NEWUTS,
  user: CLONE.NEWUSER,
  cgroup: CLONE.NEWCGROUP,
  time: CLONE.NEWTIME,
} as const satisfies Record<NamespaceType, number>;

/**
 * CLONE_NEW… flags with which the process is to be made.
 *
 * Not the cgroup namespace: its root is the group of whoever makes it, so the process enters its group first and then makes it
 * (`joinRows`). A new time namespace counts for children and for a process that clone makes with memory of its own (see
 * `sharesMemory`), but for one whose clocks are set first (clocks.ts).
 */
export function newNamespaces(config: RuntimeConfig): number {
  const later = new Set<NamespaceType>(hasClockOffsets(config) ? ["cgroup", "time"] : ["cgroup"]);
  const fresh = config.linux.namespaces.filter(({ type, path }) => path === undefined && !later.has(type));
  return fresh.reduce((sum, { type }) => sum + NAMESPACE_FLAG[type], 0);
}

/** Whether the process may borrow the shim's memory until it executes the program; see spawn in the kernel door. */
export function sharesMemory(config: RuntimeConfig): boolean {
  const { namespaces } = config.linux;
  return (
    !namespaces.some(({ type, path }) => type === "time" || (type === "pid" && path !== undefined)) &&
    has(config, "pid")
  );
}

/** Rows that enter the namespaces that exist, then the one that must be made last. The PID namespace is entered at birth. */
export function joinRows(config: RuntimeConfig, { joined }: ProgramContext): Call[] {
  const rows: Call[] = [];
  for (const namespace of config.linux.namespaces) {
    if (namespace.path === undefined || namespace.type === "pid") continue;
    rows.push(joinRow(namespace, joined));
  }
  return [...rows, ...cgroupNamespaceRows(config)];
}

/** Enters one that was opened; of a PID namespace it is the children who enter. */
export function joinRow({ type, path = type }: Namespace, joined: ProgramContext["joined"]): Call {
  const fd = joined.get(type);
  if (fd === undefined) throw new FathomError("internal", `the ${type} namespace ${path} was not opened`);
  return {
    call: "setns",
    args: [named(fd, path), flags("CLONE", CLONE, NAMESPACE_FLAG[type])],
    what: `join the ${type} namespace`,
    see: "ls -l /proc/PID/ns",
  };
}

/** Rows for a process that is in its group already. */
export function cgroupNamespaceRows(config: RuntimeConfig): Call[] {
  if (!isNew(config, "cgroup")) return [];
  return [
    {
      call: "unshare",
      args: [named(CLONE.NEWCGROUP, "CLONE_NEWCGROUP")],
      what: "make a cgroup namespace",
      see: "ls -l /proc/PID/ns",
    },
  ];
}

function has(config: RuntimeConfig, wanted: NamespaceType): boolean {
  return config.linux.namespaces.some(({ type }) => type === wanted);
}

/** Whether a namespace is the container's own and new. */
export function isNew(config: RuntimeConfig, wanted: NamespaceType): boolean {
  return config.linux.namespaces.some(({ type, path }) => type === wanted && path === undefined);
}

/** The names of the host as the container sees them. @throws {FathomError} invalid, where they would be the host's own. */
export function hostNameRows(config: RuntimeConfig): Call[] {
  const { hostname, domainname } = config;
  if ((hostname || domainname) && !has(config, "uts"))
    throw new FathomError("invalid", "a hostname needs a uts namespace: it would be the host's otherwise");
  return [
    ...(hostname ? [nameRow("sethostname", hostname, "uname -n")] : []),
    ...(domainname ? [nameRow("setdomainname", domainname, "cat /proc/sys/kernel/domainname")] : []),
  ];
}

function nameRow(call: "sethostname" | "setdomainname", value: string, command: string): Call {
  return {
    call,
    args: [text(value), new TextEncoder().encode(value).length],
    what: `name the host ${value}`,
    see: `nsenter -t PID -u -m ${command}`,
  };
}

const AF_INET = 2;
const SOCK_DGRAM_CLOEXEC = 0o2000002;
const SIOCSIFFLAGS = 0x8914;
const IFF_UP_RUNNING = 0x41;
/** struct ifreq: a name of 16 bytes, then the flags; netdevice(7). */
const IFREQ = { size: 40, flags: 16 } as const;

/** A new network namespace has a loopback interface that is down. */
export function loopbackRows(config: RuntimeConfig): Call[] {
  if (!isNew(config, "network")) return [];
  const request = new Uint8Array(new ArrayBuffer(IFREQ.size));
  request.set(new TextEncoder().encode("lo"));
  new DataView(request.buffer).setUint16(IFREQ.flags, IFF_UP_RUNNING, true);
  const socket: Call = {
    call: "socket",
    args: [named(AF_INET, "AF_INET"), named(SOCK_DGRAM_CLOEXEC, "SOCK_DGRAM|SOCK_CLOEXEC"), 0],
    what: "open a socket to configure the loopback interface",
  };
  const up: Call = {
    call: "ioctl",
    args: [
      result(socket, "socket"),
      named(SIOCSIFFLAGS, "SIOCSIFFLAGS"),
      { kind: "bytes", bytes: request, shown: '{ifr_name="lo", ifr_flags=IFF_UP|IFF_RUNNING}' },
    ],
    what: "bring the loopback interface up",
    see: "nsenter -t PID -n ip link show lo",
  };
  return [socket, up];
}
