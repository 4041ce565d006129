/**
 * What a request may not ask for: contradictions, values out of range, and what Fathom cannot do yet. Limits are in limits.ts.
 *
 * A wish that would change the meaning or the safety of a container is refused, never passed over.
 */

import type { ContainerConfig, HostConfig } from "../spec/docker.ts";
import { FathomError } from "../std/errors.ts";
import { onFailure } from "./health/health.ts";
import { type Host, ULIMIT_NAMES } from "./host.ts";
import type { FullHostConfig } from "./host_config.ts";
import { checkPorts } from "./network/ports.ts";
import { type CapabilityRequest, missingCapability, normaliseCapabilities } from "./plan/capabilities.ts";
import { DEVICE_RULE } from "./plan/resources.ts";
import { readSecurityOptions } from "./plan/security.ts";
import { writableSize } from "./storage_opt.ts";

const RESTART_POLICIES = ["no", "always", "unless-stopped", "on-failure"];

/** @throws {FathomError} invalid or unsupported, with the first thing that is wrong. */
export function checkRequest(config: ContainerConfig, hostConfig: FullHostConfig, host: Host): void {
  checkSupported(hostConfig);
  checkModes(config, hostConfig);
  checkPorts(config, hostConfig);
  checkRestartPolicy(hostConfig);
  onFailure(hostConfig.Annotations);
  checkSecurity(hostConfig, host);
  checkUlimits(hostConfig, host);
  checkSysctls(hostConfig);
  writableSize(hostConfig);
}

function invalid(sentence: string): FathomError {
  return new FathomError("invalid", sentence);
}

function unsupported(sentence: string): FathomError {
  return new FathomError("unsupported", sentence);
}

/** Each row: whether a request asks for it, and what a user is told. */
function checkSupported(host: FullHostConfig): void {
  const some = (list: readonly unknown[] | null | undefined) => (list?.length ?? 0) > 0;
  const rows: [boolean, string][] = [
    [
      some(host.DeviceRequests),
      "device requests (--gpus) are not supported: pass single devices with --device",
    ],
    [
      host.UsernsMode !== "" && host.UsernsMode !== "host",
      `user namespace mode ${host.UsernsMode} is not supported: leave --userns out`,
    ],
    [
      host.Isolation !== "" && host.Isolation !== "default",
      `isolation ${host.Isolation} exists on Windows only: leave --isolation out`,
    ],
  ];
  const asked = rows.find(([wanted]) => wanted);
  if (asked !== undefined) throw unsupported(asked[1]);
}

function checkModes(config: ContainerConfig, host: FullHostConfig): void {
  const joined = (mode: string) => /^container:.+$/.test(mode);
  if (!["", "host"].includes(host.UTSMode)) throw invalid(`invalid UTS mode: ${host.UTSMode}`);
  if (host.UTSMode === "host" && config.Hostname)
    throw invalid("conflicting options: hostname and the UTS mode");
  if (joined(host.NetworkMode) && config.Hostname)
    throw invalid("conflicting options: hostname and the network mode");
  if (!["", "host"].includes(host.PidMode) && !joined(host.PidMode))
    throw invalid(`invalid PID mode: ${host.PidMode}`);
  if (!["private", "host"].includes(host.CgroupnsMode))
    throw invalid(`invalid cgroup namespace mode: ${host.CgroupnsMode}`);
  checkIpc(host.IpcMode);
}

function checkIpc(mode: string): void {
  if (/^container:.+$/.test(mode)) return;
  if (!["private", "shareable", "host", "none"].includes(mode)) throw invalid(`Invalid IPC mode: ${mode}`);
}

/** @throws {FathomError} invalid, for a restart policy that is none. */
export function checkRestartPolicy(host: FullHostConfig): void {
  const { Name: name, MaximumRetryCount: retries } = host.RestartPolicy;
  if (!RESTART_POLICIES.includes(name))
    throw invalid(
      `invalid restart policy: unknown policy '${name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
    );
  if (retries < 0) throw invalid("invalid restart policy: maximum retry count cannot be negative");
  if (retries > 0 && name !== "on-failure")
    throw invalid("invalid restart policy: maximum retry count can only be used with 'on-failure'");
  if (host.AutoRemove && name !== "no")
    throw invalid("can't create 'AutoRemove' container with restart policy");
}

function checkSecurity(hostConfig: FullHostConfig, host: Host): void {
  const missing = missingCapability(capabilityRequest(hostConfig), host.capabilities);
  if (missing !== undefined)
    throw unsupported(
      `${missing} cannot be added: the engine itself does not have it on this host; leave it out of --cap-add`,
    );
  const { labels } = readSecurityOptions(hostConfig.SecurityOpt ?? []);
  if (labels.length > 0 && host.modules.selinux)
    throw unsupported(`SELinux labels are not supported: leave label=${labels[0]} out`);
  for (const rule of hostConfig.DeviceCgroupRules ?? []) {
    if (!DEVICE_RULE.test(rule)) throw invalid(`invalid device cgroup format "${rule}"`);
  }
  for (const path of [...(hostConfig.MaskedPaths ?? []), ...(hostConfig.ReadonlyPaths ?? [])]) {
    if (!path.startsWith("/")) throw invalid(`a masked or read-only path must be absolute: ${path}`);
  }
}

export function capabilityRequest(host: FullHostConfig): CapabilityRequest {
  return {
    add: normaliseCapabilities(host.CapAdd ?? [], "CapAdd") ?? [],
    drop: normaliseCapabilities(host.CapDrop ?? [], "CapDrop") ?? [],
    privileged: host.Privileged,
  };
}

/** A limit above the engine's own needs CAP_SYS_RESOURCE, setrlimit(2). */
function checkUlimits(hostConfig: FullHostConfig, host: Host): void {
  const mayRaise = host.capabilities.includes("CAP_SYS_RESOURCE");
  for (const { Name: name, Soft: soft, Hard: hard } of hostConfig.Ulimits ?? []) {
    if (!ULIMIT_NAMES.includes(name)) throw invalid(`invalid ulimit type: ${name}`);
    if (hard !== -1 && (soft > hard || soft === -1))
      throw invalid(`ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`);
    const most = host.hardLimits[name];
    if (!mayRaise && most !== undefined && (hard === -1 || hard > most))
      throw unsupported(
        `ulimit ${name}=${hard} is above this host's limit of ${most}, which the engine may not raise: ask for less`,
      );
  }
}

const IPC_SYSCTLS =
  /^(?:kernel\.(?:msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced)|fs\.mqueue\.\S+)$/;

/** Only what a namespace of the container's own holds may be set. */
function checkSysctls(hostConfig: HostConfig): void {
  for (const name of Object.keys(hostConfig.Sysctls ?? {})) {
    if (name.includes("/") || name.includes("..")) throw invalid(`sysctl '${name}' is not allowed`);
    if (name.startsWith("net.")) {
      if (hostConfig.NetworkMode === "host")
        throw invalid(`sysctl '${name}' not allowed in host network namespace`);
    } else if (IPC_SYSCTLS.test(name)) {
      if (hostConfig.IpcMode === "host") throw invalid(`sysctl '${name}' not allowed in host ipc namespace`);
    } else if (name !== "kernel.domainname") {
      throw invalid(`sysctl '${name}' is not allowed: it belongs to the host, not to a namespace`);
    } else if (hostConfig.UTSMode === "host") {
      throw invalid(`sysctl '${name}' not allowed in host UTS namespace`);
    }
  }
}
