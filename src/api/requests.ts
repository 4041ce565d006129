/** The shapes of request bodies: every key the engine reads, and its type. Kept in step with spec/docker.ts by the compiler. */

import type {
  ContainerCreateRequest,
  ContainerUpdateRequest,
  ExecCreateRequest,
  HostConfig,
  MountRequest,
  ThrottleDevice,
  WeightDevice,
} from "../spec/docker.ts";
import type { EndpointRequest } from "../spec/docker_network.ts";
import {
  anything,
  filled,
  flag,
  integer,
  list,
  map,
  nullable,
  object,
  oneOf,
  pair,
  text,
  unsigned,
  words,
} from "../std/shape.ts";

/** `{}` as the value of a set written as a map: Go's `struct{}`. */
const nothing = object<Record<string, never>>({});
const texts = list(text);
const textMap = map(text);

type VolumeOptions = NonNullable<MountRequest["VolumeOptions"]>;

const volumeOptions = object<VolumeOptions>({
  NoCopy: flag,
  Labels: textMap,
  Subpath: text,
  DriverConfig: object<NonNullable<VolumeOptions["DriverConfig"]>>({ Name: text, Options: textMap }),
});

const mount = object<MountRequest>({
  Type: filled(oneOf("bind", "volume", "tmpfs", "npipe", "cluster", "image")),
  Source: text,
  Target: filled(text),
  ReadOnly: flag,
  Consistency: text,
  BindOptions: object<NonNullable<MountRequest["BindOptions"]>>({
    Propagation: text,
    CreateMountpoint: flag,
    NonRecursive: flag,
    ReadOnlyNonRecursive: flag,
    ReadOnlyForceRecursive: flag,
  }),
  VolumeOptions: volumeOptions,
  TmpfsOptions: object<NonNullable<MountRequest["TmpfsOptions"]>>({
    SizeBytes: integer,
    Mode: integer,
    Options: list(texts),
  }),
  ImageOptions: object<NonNullable<MountRequest["ImageOptions"]>>({ Subpath: text }),
});

const restartPolicy = object<NonNullable<HostConfig["RestartPolicy"]>>({
  Name: text,
  MaximumRetryCount: integer,
});
const throttled = list(object<ThrottleDevice>({ Path: filled(text), Rate: filled(integer) }));

const hostConfig = object<HostConfig>({
  Binds: texts,
  ContainerIDFile: text,
  LogConfig: object<NonNullable<HostConfig["LogConfig"]>>({ Type: text, Config: textMap }),
  NetworkMode: text,
  NetworkRate: text,
  PortBindings: map(
    nullable(list(object<{ HostIp?: string; HostPort?: string }>({ HostIp: text, HostPort: text }))),
  ),
  RestartPolicy: restartPolicy,
  AutoRemove: flag,
  VolumeDriver: text,
  VolumesFrom: texts,
  ConsoleSize: pair(unsigned),
  Annotations: textMap,
  CapAdd: words,
  CapDrop: words,
  CgroupnsMode: text,
  Dns: texts,
  DnsOptions: texts,
  DnsSearch: texts,
  ExtraHosts: texts,
  GroupAdd: texts,
  IpcMode: text,
  Cgroup: text,
  Links: texts,
  OomScoreAdj: integer,
  PidMode: text,
  Privileged: flag,
  PublishAllPorts: flag,
  ReadonlyRootfs: flag,
  SecurityOpt: texts,
  Tmpfs: textMap,
  UTSMode: text,
  UsernsMode: text,
  ShmSize: integer,
  Sysctls: textMap,
  Runtime: text,
  Isolation: text,
  CpuShares: integer,
  Memory: integer,
  NanoCpus: integer,
  CgroupParent: text,
  CpuPeriod: integer,
  CpuQuota: integer,
  CpusetCpus: text,
  CpusetMems: text,
  Devices: list(
    object<{ PathOnHost: string; PathInContainer: string; CgroupPermissions: string }>({
      PathOnHost: filled(text),
      PathInContainer: filled(text),
      CgroupPermissions: filled(text),
    }),
  ),
  MemoryReservation: integer,
  MemorySwap: integer,
  MemorySwappiness: integer,
  OomKillDisable: flag,
  PidsLimit: integer,
  Ulimits: list(
    object<{ Name: string; Soft: number; Hard: number }>({
      Name: filled(text),
      Soft: filled(integer),
      Hard: filled(integer),
    }),
  ),
  MaskedPaths: texts,
  ReadonlyPaths: texts,
  Mounts: list(mount),
  Init: flag,
  BlkioWeight: integer,
  BlkioWeightDevice: list(object<WeightDevice>({ Path: filled(text), Weight: filled(integer) })),
  BlkioDeviceReadBps: throttled,
  BlkioDeviceWriteBps: throttled,
  BlkioDeviceReadIOps: throttled,
  BlkioDeviceWriteIOps: throttled,
  CpuRealtimePeriod: integer,
  CpuRealtimeRuntime: integer,
  DeviceCgroupRules: texts,
  DeviceRequests: list(anything),
  CpuCount: integer,
  CpuPercent: integer,
  IOMaximumIOps: integer,
  IOMaximumBandwidth: integer,
  StorageOpt: textMap,
});

/** Times in nanoseconds. */
const healthConfig = object<NonNullable<ContainerCreateRequest["Healthcheck"]>>({
  Test: words,
  Interval: integer,
  Timeout: integer,
  Retries: integer,
  StartPeriod: integer,
  StartInterval: integer,
});

export const endpointRequest = object<EndpointRequest>({
  IPAMConfig: object<NonNullable<EndpointRequest["IPAMConfig"]>>({
    IPv4Address: text,
    IPv6Address: text,
    LinkLocalIPs: texts,
  }),
  Links: texts,
  Aliases: texts,
  MacAddress: text,
  DriverOpts: textMap,
  GwPriority: integer,
});

/** `POST /containers/create`. */
export const containerCreateRequest = object<ContainerCreateRequest>({
  Hostname: text,
  Domainname: text,
  User: text,
  AttachStdin: flag,
  AttachStdout: flag,
  AttachStderr: flag,
  ExposedPorts: map(nothing),
  Tty: flag,
  OpenStdin: flag,
  StdinOnce: flag,
  Env: texts,
  Cmd: words,
  Healthcheck: healthConfig,
  ArgsEscaped: flag,
  Image: text,
  Volumes: map(nothing),
  WorkingDir: text,
  Entrypoint: words,
  NetworkDisabled: flag,
  MacAddress: text,
  OnBuild: texts,
  Labels: textMap,
  StopSignal: text,
  StopTimeout: integer,
  Shell: words,
  HostConfig: hostConfig,
  NetworkingConfig: object<NonNullable<ContainerCreateRequest["NetworkingConfig"]>>({
    EndpointsConfig: map(endpointRequest),
  }),
});

/** `POST /containers/{id}/update`. */
export const containerUpdateRequest = object<ContainerUpdateRequest>({
  BlkioWeight: integer,
  CpuShares: integer,
  NanoCpus: integer,
  CpuPeriod: integer,
  CpuQuota: integer,
  CpuRealtimePeriod: integer,
  CpuRealtimeRuntime: integer,
  CpusetCpus: text,
  CpusetMems: text,
  Memory: integer,
  MemorySwap: integer,
  MemoryReservation: integer,
  NetworkRate: text,
  PidsLimit: integer,
  RestartPolicy: restartPolicy,
});

/** `POST /containers/{id}/exec`. */
export const execCreateRequest = object<ExecCreateRequest>({
  AttachStdin: flag,
  AttachStdout: flag,
  AttachStderr: flag,
  ConsoleSize: pair(unsigned),
  DetachKeys: text,
  Tty: flag,
  Env: texts,
  Cmd: words,
  Privileged: flag,
  User: text,
  WorkingDir: text,
});

/** `POST /exec/{id}/start`. */
interface ExecStartRequest {
  Detach?: boolean;
  Tty?: boolean;
  ConsoleSize?: [number, number];
}

export const execStartRequest = object<ExecStartRequest>({
  Detach: flag,
  Tty: flag,
  ConsoleSize: pair(unsigned),
});
