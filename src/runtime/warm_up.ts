/**
 * Making ready for a start before it is asked for.
 *
 * The first start in a process costs several times what the next one does: functions are compiled when they are first called,
 * and better when they are called often. A shim that waits for its container has the time to do it all beforehand.
 */

import { type Call, closeFd, exited, reap, recording, spawn } from "../kernel/mod.ts";
import type { RuntimeConfig } from "../spec/oci_runtime.ts";
import { hostFacts } from "./host.ts";
import { containerProgram, type ProgramContext } from "./program/mod.ts";

const ROUNDS = 10;

/** Plans and encodes a container's program as often as pays off; nothing of it is run. Ends early when `signal` is aborted. */
export async function warmUp(signal: AbortSignal): Promise<void> {
  for (let round = 0; round < ROUNDS && !signal.aborted; round++) {
    await recording(
      "shim",
      () => undefined,
      () => rehearse(containerProgram(SAMPLE, sampleContext()).rows),
    );
    await Bun.sleep(0);
  }
}

/** The process ends at its first row, before those that would have an effect. */
async function rehearse(program: readonly Call[]): Promise<void> {
  const end: Call = { call: "exit_group", args: [0], what: "end before anything is done" };
  const { pid, pidfd } = spawn([end, ...program], { namespaces: 0, memory: "shared", by: "shim" });
  await exited(pidfd);
  reap(pid);
  closeFd(pidfd);
}

/** Instructions of Docker's own profile, about. */
const FILTER_LENGTH = 600;

const CAPABILITIES = ["CAP_CHOWN", "CAP_KILL", "CAP_SETGID", "CAP_SETUID"];

/** A container much like any other. */
const SAMPLE: RuntimeConfig = {
  ociVersion: "1.2.0",
  hostname: "sample",
  root: { path: "/" },
  process: {
    user: { uid: 0, gid: 0 },
    args: ["true"],
    env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
    cwd: "/",
    capabilities: {
      bounding: CAPABILITIES,
      effective: CAPABILITIES,
      permitted: CAPABILITIES,
      inheritable: [],
      ambient: [],
    },
    rlimits: [{ type: "RLIMIT_NOFILE", soft: 1024, hard: 1024 }],
    oomScoreAdj: 0,
  },
  mounts: [
    { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
    { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755", "size=65536k"] },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: ["newinstance", "mode=0620", "gid=5"],
    },
    { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
    { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro", "nosuid"] },
    { destination: "/dev/shm", type: "tmpfs", source: "shm", options: ["mode=1777", "size=65536k"] },
    { destination: "/etc/hosts", type: "bind", source: "/etc/hosts", options: ["rbind", "rprivate"] },
  ],
  linux: {
    namespaces: [{ type: "mount" }, { type: "network" }, { type: "uts" }, { type: "pid" }, { type: "ipc" }],
    sysctl: { "net.ipv4.ip_unprivileged_port_start": "0" },
    maskedPaths: ["/proc/acpi", "/proc/keys", "/sys/firmware"],
    readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    seccomp: { defaultAction: "SCMP_ACT_ALLOW" },
  },
};

function sampleContext(): ProgramContext {
  return {
    root: "/",
    streams: { descriptors: [3, 4, 5], owned: [] },
    procs: [],
    joined: new Map(),
    kinds: new Map([["/etc/hosts", "file"]]),
    idMapped: new Map(),
    cgroupDirectories: [],
    home: "/",
    host: hostFacts(),
    filter: new Uint8Array(8 * FILTER_LENGTH),
  };
}
