/** What this host can do for containers: read once, when the engine starts. */

import { readFile } from "node:fs/promises";
import { availableParallelism, hostname } from "node:os";
import { exists } from "./exists.ts";
import type { LimitSupport } from "./needs.ts";
import { capabilitiesOfMask } from "./plan/capabilities.ts";

export interface Host {
  /** Of this boot alone: PIDs and sockets that were noted in another are not those of today. */
  boot: string;
  architecture: "amd64" | "arm64";
  hostname: string;
  cpus: number;
  /** Version 2 alone, or version 1 (also beside 2). */
  cgroup: "v1" | "v2";
  /** What the engine has, and so can give to a container. */
  capabilities: readonly string[];
  /** The engine's own hard limits by Docker's names (`nofile`); absent where there is none. */
  hardLimits: Readonly<Record<string, number>>;
  /** What can be limited. */
  limits: LimitSupport;
  /** Masked besides Docker's fixed list: what tells of the load of single processors by their heat. */
  thermalPaths: readonly string[];
  /** Which security modules the kernel has in force. */
  modules: { apparmor: boolean; selinux: boolean };
}

/** By the words of /proc/PID/limits, proc(5). */
const LIMIT_NAMES: Record<string, string> = {
  "Max cpu time": "cpu",
  "Max file size": "fsize",
  "Max data size": "data",
  "Max stack size": "stack",
  "Max core file size": "core",
  "Max resident set": "rss",
  "Max processes": "nproc",
  "Max open files": "nofile",
  "Max locked memory": "memlock",
  "Max address space": "as",
  "Max file locks": "locks",
  "Max pending signals": "sigpending",
  "Max msgqueue size": "msgqueue",
  "Max nice priority": "nice",
  "Max realtime priority": "rtprio",
  "Max realtime timeout": "rttime",
};

/** The names of limits that setrlimit(2) knows. */
export const ULIMIT_NAMES: readonly string[] = Object.values(LIMIT_NAMES);

export async function readHost(limits: LimitSupport): Promise<Host> {
  const [boot, status, hardLimits, unified] = await Promise.all([
    readFile("/proc/sys/kernel/random/boot_id", "latin1"),
    readFile("/proc/self/status", "latin1"),
    readFile("/proc/self/limits", "latin1"),
    exists("/sys/fs/cgroup/cgroup.controllers"),
  ]);
  const cpus = availableParallelism();
  return {
    boot: boot.trim(),
    architecture: process.arch === "arm64" ? "arm64" : "amd64",
    hostname: hostname(),
    cpus,
    cgroup: unified ? "v2" : "v1",
    capabilities: capabilitiesOfMask(/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0"),
    hardLimits: parseLimits(hardLimits),
    limits,
    thermalPaths: await thermalPaths(cpus),
    modules: {
      apparmor: await exists("/sys/kernel/security/apparmor/profiles"),
      selinux: await exists("/sys/fs/selinux/enforce"),
    },
  };
}

function parseLimits(text: string): Record<string, number> {
  const found: Record<string, number> = {};
  for (const [, title = "", hard = ""] of text.matchAll(/^(Max [a-z ]+?) {2,}\S+ +(\S+)/gm)) {
    const name = LIMIT_NAMES[title];
    if (name !== undefined && hard !== "unlimited") found[name] = Number(hard);
  }
  return found;
}

async function thermalPaths(cpus: number): Promise<string[]> {
  const paths = Array.from(
    { length: cpus },
    (_, cpu) => `/sys/devices/system/cpu/cpu${cpu}/thermal_throttle`,
  );
  const there = await Promise.all(paths.map(exists));
  return paths.filter((_, index) => there[index]);
}
