/** What a container is asked to be, in the Docker Engine API's shapes: its configuration and its host's. See docker.ts. */

/** What runs: the portable part of a container. All fields optional in requests; see `container/create.ts` for defaults. */
export interface ContainerConfig {
  Hostname?: string;
  Domainname?: string;
  User?: string;
  AttachStdin?: boolean;
  AttachStdout?: boolean;
  AttachStderr?: boolean;
  ExposedPorts?: Record<string, Record<string, never>>;
  Tty?: boolean;
  OpenStdin?: boolean;
  StdinOnce?: boolean;
  Env?: string[] | null;
  Cmd?: string[] | null;
  Healthcheck?: HealthConfig;
  ArgsEscaped?: boolean;
  Image?: string;
  Volumes?: Record<string, Record<string, never>> | null;
  WorkingDir?: string;
  Entrypoint?: string[] | null;
  NetworkDisabled?: boolean;
  /** Of the container's first network; since API v1.44 it stands with the network itself. */
  MacAddress?: string;
  OnBuild?: string[] | null;
  Labels?: Record<string, string> | null;
  StopSignal?: string;
  StopTimeout?: number;
  Shell?: string[];
}

/** How to find out whether the program is well. Times in nanoseconds; 0 and absent leave the image's or the default. */
export interface HealthConfig {
  /** [] inherits, ["NONE"] disables, ["CMD", …] executes, ["CMD-SHELL", text] gives text to the shell. */
  Test?: string[];
  Interval?: number;
  Timeout?: number;
  Retries?: number;
  StartPeriod?: number;
  StartInterval?: number;
}

/**
 * The annotation that says what is done when a container turns unhealthy: none, kill, restart or stop. Every Docker client can
 * send it (`docker run --annotation`), inspect shows it, and other engines pass it over.
 */
export const HEALTH_ON_FAILURE = "fathom.health-on-failure";

/** Where Docker shows the init in a container that asks for one. */
export const INIT_PATH = "/sbin/docker-init";

/** How it runs on this host. */
export interface HostConfig {
  Binds?: string[] | null;
  ContainerIDFile?: string;
  LogConfig?: { Type?: string; Config?: Record<string, string> | null };
  NetworkMode?: string;
  /** Fathom's own: how fast it receives and sends, `10mbit` or `down=1MB,up=10mbit`. */
  NetworkRate?: string;
  PortBindings?: Record<string, { HostIp?: string; HostPort?: string }[] | null> | null;
  RestartPolicy?: { Name?: string; MaximumRetryCount?: number };
  AutoRemove?: boolean;
  VolumeDriver?: string;
  VolumesFrom?: string[] | null;
  ConsoleSize?: [number, number];
  Annotations?: Record<string, string>;
  CapAdd?: string[] | null;
  CapDrop?: string[] | null;
  CgroupnsMode?: string;
  Dns?: string[] | null;
  DnsOptions?: string[] | null;
  DnsSearch?: string[] | null;
  ExtraHosts?: string[] | null;
  GroupAdd?: string[] | null;
  IpcMode?: string;
  Cgroup?: string;
  Links?: string[] | null;
  OomScoreAdj?: number;
  PidMode?: string;
  Privileged?: boolean;
  PublishAllPorts?: boolean;
  ReadonlyRootfs?: boolean;
  SecurityOpt?: string[] | null;
  Tmpfs?: Record<string, string>;
  UTSMode?: string;
  UsernsMode?: string;
  ShmSize?: number;
  Sysctls?: Record<string, string>;
  Runtime?: string;
  Isolation?: string;
  CpuShares?: number;
  Memory?: number;
  NanoCpus?: number;
  CgroupParent?: string;
  CpuPeriod?: number;
  CpuQuota?: number;
  CpusetCpus?: string;
  CpusetMems?: string;
  Devices?: { PathOnHost: string; PathInContainer: string; CgroupPermissions: string }[] | null;
  MemoryReservation?: number;
  MemorySwap?: number;
  MemorySwappiness?: number | null;
  OomKillDisable?: boolean | null;
  PidsLimit?: number | null;
  Ulimits?: { Name: string; Soft: number; Hard: number }[] | null;
  /** 10 to 1000; 0 for none. */
  BlkioWeight?: number;
  BlkioWeightDevice?: WeightDevice[] | null;
  BlkioDeviceReadBps?: ThrottleDevice[] | null;
  BlkioDeviceWriteBps?: ThrottleDevice[] | null;
  BlkioDeviceReadIOps?: ThrottleDevice[] | null;
  BlkioDeviceWriteIOps?: ThrottleDevice[] | null;
  CpuRealtimePeriod?: number;
  CpuRealtimeRuntime?: number;
  DeviceCgroupRules?: string[] | null;
  DeviceRequests?: unknown[] | null;
  CpuCount?: number;
  CpuPercent?: number;
  IOMaximumIOps?: number;
  IOMaximumBandwidth?: number;
  StorageOpt?: Record<string, string> | null;
  MaskedPaths?: string[] | null;
  ReadonlyPaths?: string[] | null;
  Mounts?: MountRequest[] | null;
  Init?: boolean | null;
}

/** `POST /containers/{id}/update`: 0 and empty leave what stands. */
export type ContainerUpdateRequest = Pick<
  HostConfig,
  | "BlkioWeight"
  | "CpuShares"
  | "NanoCpus"
  | "CpuPeriod"
  | "CpuQuota"
  | "CpuRealtimePeriod"
  | "CpuRealtimeRuntime"
  | "CpusetCpus"
  | "CpusetMems"
  | "Memory"
  | "MemorySwap"
  | "MemoryReservation"
  | "NetworkRate"
  | "PidsLimit"
  | "RestartPolicy"
>;

/** A share of a block device, by its path on the host. */
export interface WeightDevice {
  Path: string;
  Weight: number;
}

/** A limit on a block device: bytes or operations a second. */
export interface ThrottleDevice {
  Path: string;
  Rate: number;
}

export interface MountRequest {
  Type: "bind" | "volume" | "tmpfs" | "npipe" | "cluster" | "image";
  Source?: string;
  Target: string;
  ReadOnly?: boolean;
  /** Of Docker on macOS; without meaning here. */
  Consistency?: string;
  BindOptions?: {
    Propagation?: string;
    NonRecursive?: boolean;
    CreateMountpoint?: boolean;
    ReadOnlyNonRecursive?: boolean;
    ReadOnlyForceRecursive?: boolean;
  } | null;
  VolumeOptions?: {
    NoCopy?: boolean;
    Labels?: Record<string, string>;
    Subpath?: string;
    DriverConfig?: { Name?: string; Options?: Record<string, string> };
  } | null;
  /** `Options`: flags as `["noexec"]`, others as `["size", "1m"]`. */
  TmpfsOptions?: { SizeBytes?: number; Mode?: number; Options?: string[][] | null } | null;
  ImageOptions?: { Subpath?: string } | null;
}
