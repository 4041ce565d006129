/** Programs for tests: of Docker's configuration, but for what a test changes. */

import { type Call, describe as show } from "../../kernel/mod.ts";
import type { RuntimeConfig } from "../../spec/oci_runtime.ts";
import { dockerConfig, dockerProcess } from "../_test_bundle.ts";
import { containerProgram, type ProgramContext } from "./mod.ts";

/** A configuration like Docker's, and what is known of a host when its program is made. */
export const config = dockerConfig("/bundle/rootfs", dockerProcess(["true"]));
/** Every capability of the host. */
export const ALL = (1n << 41n) - 1n;
export const context: ProgramContext = {
  root: "/bundle/rootfs",
  streams: { descriptors: [10, 11, 12], owned: [] },
  procs: [20, 21],
  joined: new Map(),
  kinds: new Map([
    ["/src/file", "file"],
    ["/src/dir", "directory"],
    ["/proc/acpi", "directory"],
    ["/proc/keys", "file"],
    ["/proc/kcore", "absent"],
  ]),
  idMapped: new Map(),
  cgroupDirectories: ["/sys/fs/cgroup/cpu,cpuacct/c"],
  home: "/root",
  host: {
    arch: "x86_64",
    cgroups: {
      version: 1,
      hybrid: false,
      hierarchies: [{ controllers: ["cpu", "cpuacct"], root: "/sys/fs/cgroup/cpu,cpuacct" }],
    },
    lastCapability: 40,
    capabilities: ALL,
    hardLimits: new Map([["RLIMIT_NOFILE", 1000n]]),
    oomScoreAdj: 0,
  },
  filter: new Uint8Array(8),
};

/** What a test's configuration has other than that. */
export type Change = Partial<Omit<RuntimeConfig, "linux" | "process">> & {
  linux?: Partial<RuntimeConfig["linux"]>;
  process?: Partial<RuntimeConfig["process"]>;
};

/** The program of a container whose configuration is changed. */
export function program(change: Change = {}, more: Partial<ProgramContext> = {}): Call[] {
  const whole = {
    ...config,
    ...change,
    linux: { ...config.linux, ...change.linux },
    process: { ...config.process, ...change.process },
  };
  return containerProgram(whole, { ...context, ...more }).rows;
}

/** Rows for a purpose, as strace would write them. */
export const rowsFor = (rows: readonly Call[], what: RegExp): string[] =>
  rows.filter((row) => what.test(row.what ?? "")).map(show);
export const mount = (
  destination: string,
  options: string[],
  more: object = {},
): RuntimeConfig["mounts"][number] => ({
  destination,
  options,
  ...more,
});
