/**
 * The OCI runtime configuration (`config.json` of a bundle), Linux part.
 *
 * Source: opencontainers/runtime-spec v1.2, config.md and config-linux.md. Only what the specification defines stands
 * here, under its own names; fields that Fathom neither writes nor reads are left out.
 */

export interface RuntimeConfig {
  ociVersion: string;
  hostname?: string;
  domainname?: string;
  process: Process;
  root: { path: string; readonly?: boolean };
  mounts: Mount[];
  linux: Linux;
  hooks?: Partial<Record<HookName, Hook[]>>;
  annotations?: Record<string, string>;
}

/** In the order in which they come in a container's life. */
export type HookName =
  | "prestart"
  | "createRuntime"
  | "createContainer"
  | "startContainer"
  | "poststart"
  | "poststop";

/** A program of the host that is run at a point of a container's life, with its state on standard input. */
export interface Hook {
  /** Absolute. */
  path: string;
  args?: string[];
  env?: string[];
  /** Seconds. */
  timeout?: number;
}

export interface Process {
  terminal?: boolean;
  consoleSize?: { height: number; width: number };
  user: { uid: number; gid: number; umask?: number; additionalGids?: number[] };
  args: string[];
  env: string[];
  cwd: string;
  capabilities?: Capabilities;
  rlimits?: Rlimit[];
  noNewPrivileges?: boolean;
  oomScoreAdj?: number;
  apparmorProfile?: string;
  /** ioprio_set(2): `IOPRIO_CLASS_BE`, and 0 (first) to 7. */
  ioPriority?: { class: string; priority?: number };
  scheduler?: Scheduler;
}

/** sched_setattr(2): a policy with the values it takes; times in nanoseconds. */
export interface Scheduler {
  policy: string;
  nice?: number;
  priority?: number;
  flags?: string[];
  runtime?: number;
  deadline?: number;
  period?: number;
}

/** The five capability sets of capabilities(7), by name (`CAP_CHOWN`). */
export interface Capabilities {
  bounding: string[];
  effective: string[];
  inheritable: string[];
  permitted: string[];
  ambient: string[];
}

export interface Rlimit {
  /** `RLIMIT_NOFILE` and so on, getrlimit(2). */
  type: string;
  /** -1, and 2^64 or more, which 2^64 - 1 becomes as a number, are no limit. */
  soft: number;
  hard: number;
}

export interface Mount {
  destination: string;
  type?: string;
  source?: string;
  options?: string[];
  /** For a bind mount: as whose the files of each owner appear there; mount_setattr(2), "ID-mapped mounts". */
  uidMappings?: IdMapping[];
  gidMappings?: IdMapping[];
}

export type NamespaceType = "pid" | "network" | "mount" | "ipc" | "uts" | "user" | "cgroup" | "time";

export interface Namespace {
  type: NamespaceType;
  /** An existing namespace to join (`/proc/PID/ns/net`, or a file it is bound to); absent: a new one. */
  path?: string;
}

export interface Linux {
  namespaces: Namespace[];
  uidMappings?: IdMapping[];
  gidMappings?: IdMapping[];
  devices?: Device[];
  cgroupsPath?: string;
  resources?: Resources;
  rootfsPropagation?: string;
  seccomp?: Seccomp;
  sysctl?: Record<string, string>;
  /** By clock: `monotonic`, `boottime`. */
  timeOffsets?: Record<string, { secs?: number; nanosecs?: number }>;
  /** personality(2): `LINUX` or `LINUX32`. */
  personality?: { domain: string };
  maskedPaths?: string[];
  readonlyPaths?: string[];
}

export interface IdMapping {
  containerID: number;
  hostID: number;
  size: number;
}

/** Which IDs of the host stand for those in a user namespace, user_namespaces(7). */
export interface IdMaps {
  uids: IdMapping[];
  gids: IdMapping[];
}

export interface Device {
  type: "c" | "b" | "u" | "p";
  path: string;
  major: number;
  minor: number;
  /** Permission bits, decimal in JSON as everywhere. */
  fileMode?: number;
  uid?: number;
  gid?: number;
}

export interface Resources {
  devices?: DeviceRule[];
  memory?: {
    limit?: number;
    reservation?: number;
    swap?: number;
    swappiness?: number;
    /** Bytes for the buffers of TCP; version 1 of control groups alone has it. */
    kernelTCP?: number;
    disableOOMKiller?: boolean;
  };
  cpu?: {
    shares?: number;
    quota?: number;
    period?: number;
    cpus?: string;
    mems?: string;
    /** Microseconds in each period of the real-time scheduler. */
    realtimeRuntime?: number;
    realtimePeriod?: number;
  };
  pids?: { limit: number };
  blockIO?: BlockIo;
  /** Page sizes as `2MB`, limits in bytes. */
  hugepageLimits?: { pageSize: string; limit: number }[];
}

/** Weights from 10 to 1000; rates in bytes or operations a second. */
export interface BlockIo {
  weight?: number;
  weightDevice?: { major: number; minor: number; weight: number }[];
  throttleReadBpsDevice?: ThrottledDevice[];
  throttleWriteBpsDevice?: ThrottledDevice[];
  throttleReadIOPSDevice?: ThrottledDevice[];
  throttleWriteIOPSDevice?: ThrottledDevice[];
}

export interface ThrottledDevice {
  major: number;
  minor: number;
  rate: number;
}

export interface DeviceRule {
  allow: boolean;
  type?: "a" | "c" | "b";
  major?: number;
  minor?: number;
  /** Any of the letters r, w and m. */
  access?: string;
}

export interface Seccomp {
  defaultAction: SeccompAction;
  defaultErrnoRet?: number;
  architectures?: string[];
  flags?: string[];
  syscalls?: SeccompRule[];
}

export type SeccompAction =
  | "SCMP_ACT_KILL"
  | "SCMP_ACT_KILL_PROCESS"
  | "SCMP_ACT_KILL_THREAD"
  | "SCMP_ACT_TRAP"
  | "SCMP_ACT_ERRNO"
  | "SCMP_ACT_TRACE"
  | "SCMP_ACT_ALLOW"
  | "SCMP_ACT_LOG";

export interface SeccompRule {
  names: string[];
  action: SeccompAction;
  errnoRet?: number;
  args?: SeccompArgument[];
}

export interface SeccompArgument {
  index: number;
  value: number;
  valueTwo?: number;
  op:
    | "SCMP_CMP_NE"
    | "SCMP_CMP_LT"
    | "SCMP_CMP_LE"
    | "SCMP_CMP_EQ"
    | "SCMP_CMP_GE"
    | "SCMP_CMP_GT"
    | "SCMP_CMP_MASKED_EQ";
}
