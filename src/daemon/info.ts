/** What the daemon says of itself and of its host: `version` and `info`. */

import { randomUUID } from "node:crypto";
import { readdir, readFile, rename, writeFile } from "node:fs/promises";
import { availableParallelism, hostname, release, totalmem } from "node:os";
import { join } from "node:path";
import type { LimitSupport } from "../container/needs.ts";
import { LOG_DRIVERS } from "../logs/mod.ts";
import type { SystemInfo, SystemVersion } from "../spec/docker.ts";
import { ifAbsent } from "../std/absent.ts";
import { rfc3339, wallClock } from "../std/time.ts";
import { API_VERSION, GOARCH, MIN_API_VERSION, VERSION } from "../std/version.ts";
import type { DaemonConfig } from "./config.ts";
import { limitFlags, limitWarnings } from "./info_limits.ts";
import { registryConfig, withoutPassword } from "./info_registries.ts";

/** Counts and facts that other parts of the engine know. */
export interface Facts {
  containers: { running: number; paused: number; stopped: number };
  images: number;
  listeners: number;
  limits: LimitSupport;
  cgroupVersion: "1" | "2";
  driver: { name: string; status: [string, string][] };
  /** Name to path of the runtimes found; the native one has none. */
  runtimes: Record<string, { path?: string }>;
  /** What keeps the rules of networks. */
  firewall: string;
  warnings: string[];
}

export function version(): SystemVersion {
  return {
    Platform: { Name: "Fathom" },
    Components: [
      {
        Name: "Engine",
        Version: VERSION,
        Details: {
          ApiVersion: API_VERSION,
          Arch: GOARCH,
          MinAPIVersion: MIN_API_VERSION,
          Os: "linux",
          KernelVersion: release(),
          Experimental: "false",
        },
      },
      { Name: "bun", Version: Bun.version },
    ],
    Version: VERSION,
    ApiVersion: API_VERSION,
    MinAPIVersion: MIN_API_VERSION,
    GitCommit: "",
    // The docker command prints this line whatever it holds; it names what runs the engine.
    GoVersion: `none (bun ${Bun.version})`,
    Os: "linux",
    Arch: GOARCH,
    KernelVersion: release(),
    BuildTime: "",
  };
}

export async function info(config: DaemonConfig, id: string, facts: Facts): Promise<SystemInfo> {
  const { running, paused, stopped } = facts.containers;
  const system = await operatingSystem();
  return {
    ID: id,
    Containers: running + paused + stopped,
    ContainersRunning: running,
    ContainersPaused: paused,
    ContainersStopped: stopped,
    Images: facts.images,
    Driver: facts.driver.name,
    DriverStatus: facts.driver.status,
    Plugins: {
      Volume: ["local"],
      Network: ["bridge", "host", "null"],
      Authorization: null,
      Log: LOG_DRIVERS,
    },
    ...limitFlags(facts.limits),
    IPv4Forwarding: (await firstLine("/proc/sys/net/ipv4/ip_forward")) === "1",
    Debug: config.logLevel === "debug",
    NFd: config.logLevel === "debug" ? (await readdir("/proc/self/fd")).length : 0,
    NGoroutines: 0,
    SystemTime: rfc3339(wallClock()),
    LoggingDriver: config.logDriver,
    CgroupDriver: "cgroupfs",
    CgroupVersion: facts.cgroupVersion,
    NEventsListener: facts.listeners,
    KernelVersion: release(),
    OperatingSystem: system.name,
    OSVersion: system.version,
    OSType: "linux",
    Architecture: GOARCH === "arm64" ? "aarch64" : "x86_64",
    IndexServerAddress: "https://index.docker.io/v1/",
    RegistryConfig: registryConfig(config),
    NCPU: availableParallelism(),
    MemTotal: totalmem(),
    GenericResources: null,
    DockerRootDir: config.dataRoot,
    HttpProxy: withoutPassword(config.proxies.http),
    HttpsProxy: withoutPassword(config.proxies.https),
    NoProxy: config.proxies.no ?? "",
    Name: hostname(),
    Labels: [],
    ExperimentalBuild: false,
    ServerVersion: VERSION,
    Runtimes: facts.runtimes,
    DefaultRuntime: config.defaultRuntime,
    Swarm: {
      NodeID: "",
      NodeAddr: "",
      LocalNodeState: "inactive",
      ControlAvailable: false,
      Error: "",
      RemoteManagers: null,
    },
    LiveRestoreEnabled: true,
    Isolation: "",
    InitBinary: "docker-init",
    // Programs of other projects that Docker is made of, and this engine is not.
    ContainerdCommit: { ID: "N/A" },
    RuncCommit: { ID: "N/A" },
    InitCommit: { ID: "N/A" },
    SecurityOptions: ["name=seccomp,profile=builtin", ...(config.usernsRemap ? ["name=userns"] : [])],
    ...(config.defaultAddressPools && {
      DefaultAddressPools: config.defaultAddressPools.map(({ base, size }) => ({ Base: base, Size: size })),
    }),
    FirewallBackend: { Driver: facts.firewall },
    CDISpecDirs: [],
    Warnings: [...limitWarnings(facts.limits, facts.cgroupVersion), ...facts.warnings],
  };
}

/** The daemon's own ID, made at its first start on this data root. */
export async function engineId(dataRoot: string): Promise<string> {
  const path = join(dataRoot, "engine-id");
  const known = await firstLine(path);
  if (known !== undefined && known !== "") return known;
  const id = randomUUID();
  await writeFile(`${path}.tmp`, `${id}\n`);
  await rename(`${path}.tmp`, path);
  return id;
}

/** From os-release(5). */
async function operatingSystem(): Promise<{ name: string; version: string }> {
  const text = await readFile("/etc/os-release", "utf8").catch(ifAbsent(""));
  const value = (key: string): string => new RegExp(`^${key}="?([^"\n]*)"?$`, "m").exec(text)?.[1] ?? "";
  return { name: value("PRETTY_NAME") || "Linux", version: value("VERSION_ID") };
}

async function firstLine(path: string): Promise<string | undefined> {
  const text = await readFile(path, "utf8").catch(ifAbsent(undefined));
  return text?.split("\n")[0];
}
