/** Facts about this host that a program depends on, found out once. */

import { ARCH, cgroupLayout, check, readControlFile, sys } from "../kernel/mod.ts";
import { type HostFacts, RLIMITS } from "./program/mod.ts";

/** @throws {FathomError} unsupported, without control groups. */
export function hostFacts(): HostFacts {
  facts ??= {
    arch: ARCH,
    cgroups: cgroupLayout(),
    lastCapability: Number(readControlFile("/proc/sys/kernel/cap_last_cap") ?? 40),
    capabilities: permittedCapabilities(),
    hardLimits: new Map(RLIMITS.map((name, number) => [name, hardLimit(number)])),
    oomScoreAdj: Number(readControlFile("/proc/self/oom_score_adj") ?? 0),
  };
  return facts;
}
let facts: HostFacts | undefined;

function permittedCapabilities(): bigint {
  const mask = /^CapPrm:\s*([0-9a-f]+)$/m.exec(readControlFile("/proc/self/status") ?? "")?.[1];
  return BigInt(`0x${mask ?? "0"}`);
}

function hardLimit(number: number): bigint {
  const limit = new BigUint64Array(2);
  check(sys("prlimit64", 0, number, 0, limit), "read a resource limit");
  return limit[1] ?? 0n;
}
