/** From flags to the request that creates a container. Only what was asked for is in it; the daemon knows the defaults. */

import {
  type ContainerCreateRequest,
  HEALTH_ON_FAILURE,
  type HealthConfig,
  type HostConfig,
} from "../../spec/docker.ts";
import { parseUlimit } from "../../std/ulimit.ts";
import { CommandError } from "../errors.ts";
import type { Parsed } from "../flags.ts";
import { parseByteRate, parseDeviceWeight, parseOperationRate } from "./block_io.ts";
import { readEnvironment, readLabels } from "./files.ts";
import type { CREATE_FLAGS } from "./flags.ts";
import { limitFields } from "./limits.ts";
import { parseMount, splitVolumes } from "./mounts.ts";
import { networking, networkMode } from "./networks.ts";
import { parsePorts } from "./ports.ts";
import { readSecurity } from "./security.ts";
import { capabilityName, parseDevice, parsePairs, parseRestartPolicy } from "./values.ts";

export type CreateCall = Parsed<typeof CREATE_FLAGS>;
type Flags = CreateCall["flags"];

/** Which streams of the program we attach to. */
export interface Streams {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
}

/** The streams that `-a` and `-i` ask for: output unless something else is said. */
export function streamsOf({ attach, interactive }: Flags): Streams {
  const wanted = attach.map((name) => name.toLowerCase());
  if (wanted.length === 0) return { stdin: interactive, stdout: true, stderr: true };
  return {
    stdin: wanted.includes("stdin") || interactive,
    stdout: wanted.includes("stdout"),
    stderr: wanted.includes("stderr"),
  };
}

/** Builds the request. Throws CommandError for what can be seen to be wrong from here. */
export async function createRequest(call: CreateCall, streams: Streams): Promise<ContainerCreateRequest> {
  const { flags, operands } = call;
  checkConflicts(call);
  const [image, ...command] = operands;
  const { exposed, bindings } = parsePorts(flags.publish, flags.expose);
  const { binds, anonymous } = splitVolumes(flags.volume);
  const [env, labels] = await Promise.all([
    readEnvironment(flags["env-file"], flags.env),
    readLabels(flags["label-file"], flags.label),
  ]);
  const security = await readSecurity(call.flags["security-opt"]);
  return {
    ...given({
      Hostname: flags.hostname,
      Domainname: flags.domainname,
      User: flags.user,
      WorkingDir: flags.workdir,
      StopSignal: flags["stop-signal"],
      StopTimeout: flags["stop-timeout"],
      Healthcheck: healthcheck(flags),
    }),
    AttachStdin: streams.stdin,
    AttachStdout: streams.stdout,
    AttachStderr: streams.stderr,
    Tty: flags.tty,
    OpenStdin: flags.interactive,
    StdinOnce: flags.interactive && streams.stdin,
    ExposedPorts: exposed,
    Env: env,
    Cmd: command.length > 0 ? command : null,
    Image: image ?? "",
    Volumes: Object.fromEntries(anonymous.map((path) => [path, {}])),
    Entrypoint: flags.entrypoint === undefined ? null : [flags.entrypoint],
    Labels: parsePairs(labels),
    HostConfig: {
      ...hostConfig(call),
      ...security,
      PortBindings: bindings,
      Binds: binds.length > 0 ? binds : null,
    },
    NetworkingConfig: networking(flags),
  };
}

function hostConfig({ flags, given: named }: CreateCall): HostConfig {
  return {
    ...resources(flags),
    ...given({
      ContainerIDFile: flags.cidfile,
      VolumeDriver: flags["volume-driver"],
      CgroupnsMode: flags.cgroupns,
      CgroupParent: flags["cgroup-parent"],
      IpcMode: flags.ipc,
      PidMode: flags.pid,
      UTSMode: flags.uts,
      UsernsMode: flags.userns,
      Runtime: flags.runtime,
      Isolation: flags.isolation,
      ShmSize: flags["shm-size"],
      OomScoreAdj: flags["oom-score-adj"],
      Init: named.has("init") ? flags.init : undefined,
    }),
    ...lists(flags),
    LogConfig: logConfig(flags),
    NetworkMode: networkMode(flags),
    RestartPolicy: parseRestartPolicy(flags.restart ?? "no"),
    AutoRemove: flags.rm,
    Privileged: flags.privileged,
    PublishAllPorts: flags["publish-all"],
    ReadonlyRootfs: flags["read-only"],
  };
}

function lists(flags: Flags): HostConfig {
  return {
    ...nonEmpty({
      VolumesFrom: flags["volumes-from"],
      CapAdd: flags["cap-add"].map(capabilityName),
      CapDrop: flags["cap-drop"].map(capabilityName),
      ExtraHosts: flags["add-host"].map((host) => host.replace(/^([^:=]+)=/, "$1:")),
      GroupAdd: flags["group-add"],
      Links: flags.link,
      DeviceCgroupRules: flags["device-cgroup-rule"],
      Mounts: flags.mount.map(parseMount),
      Sysctls: parsePairs(flags.sysctl),
      StorageOpt: parsePairs(flags["storage-opt"]),
      Annotations: { ...parsePairs(flags.annotation), ...healthAnnotation(flags) },
      Tmpfs: Object.fromEntries(flags.tmpfs.map((text) => splitAt(text, ":"))),
    }),
    // These the docker command sends empty too, and inspect shows them as they were sent.
    Dns: flags.dns,
    DnsOptions: flags["dns-option"],
    DnsSearch: flags["dns-search"],
    Devices: flags.device.map(parseDevice),
    BlkioWeightDevice: flags["blkio-weight-device"].map(parseDeviceWeight),
    BlkioDeviceReadBps: flags["device-read-bps"].map(parseByteRate),
    BlkioDeviceWriteBps: flags["device-write-bps"].map(parseByteRate),
    BlkioDeviceReadIOps: flags["device-read-iops"].map(parseOperationRate),
    BlkioDeviceWriteIOps: flags["device-write-iops"].map(parseOperationRate),
    Ulimits: flags.ulimit.map(parseUlimit),
  };
}

function resources(flags: Flags): HostConfig {
  return {
    ...limitFields(flags),
    ...given({
      MemorySwappiness: flags["memory-swappiness"],
      OomKillDisable: flags["oom-kill-disable"] || undefined,
    }),
  };
}

function healthcheck(flags: Flags): HealthConfig | undefined {
  const times = given({
    Interval: flags["health-interval"],
    Timeout: flags["health-timeout"],
    Retries: flags["health-retries"],
    StartPeriod: flags["health-start-period"],
    StartInterval: flags["health-start-interval"],
  });
  const asked = flags["health-cmd"] !== undefined || Object.keys(times).length > 0;
  if (flags["no-healthcheck"]) {
    if (asked) throw new CommandError("--no-healthcheck conflicts with --health-* options", 125);
    return { Test: ["NONE"] };
  }
  if (!asked) return undefined;
  checkHealthFlags(flags);
  return { ...(flags["health-cmd"] && { Test: ["CMD-SHELL", flags["health-cmd"]] }), ...times };
}

/** Docker's API has no field for it; what the docker command can send as well is an annotation. */
function healthAnnotation(flags: Flags): Record<string, string> {
  const action = flags["health-on-failure"];
  return action === undefined ? {} : { [HEALTH_ON_FAILURE]: action };
}

function checkHealthFlags(flags: Flags): void {
  const negative = HEALTH_NUMBERS.find((name) => (flags[name] ?? 0) < 0);
  if (negative !== undefined) throw new CommandError(`--${negative} cannot be negative`, 125);
}

const HEALTH_NUMBERS = [
  "health-interval",
  "health-timeout",
  "health-retries",
  "health-start-period",
  "health-start-interval",
] as const;

function logConfig({ "log-driver": driver = "", "log-opt": options }: Flags): HostConfig["LogConfig"] {
  if (driver === "none" && options.length > 0)
    throw new CommandError("invalid logging opts for driver none", 125);
  return { Type: driver, Config: parsePairs(options) };
}

function checkConflicts({ flags }: CreateCall): void {
  const policy = flags.restart ?? "no";
  if (flags.rm && policy !== "no" && policy !== "") {
    throw new CommandError("conflicting options: cannot specify both --restart and --rm", 125);
  }
  const swappiness = flags["memory-swappiness"] ?? 0;
  if (swappiness < -1 || swappiness > 100) {
    throw new CommandError(`invalid value: ${swappiness}. Valid memory swappiness range is 0-100`, 125);
  }
  if (flags.pid && !/^(host|private|container:.+)$/.test(flags.pid))
    throw new CommandError("--pid: invalid PID mode", 125);
  if (flags.uts && flags.uts !== "host") throw new CommandError("--uts: invalid UTS mode", 125);
  if (flags.userns && flags.userns !== "host") throw new CommandError("--userns: invalid USER mode", 125);
  if (flags.pull && !["always", "missing", "never"].includes(flags.pull)) {
    throw new CommandError(
      `invalid pull option: '${flags.pull}': must be one of "always", "missing" or "never"`,
      125,
    );
  }
}

function splitAt(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

/** Without the fields that are undefined. */
function given<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

/** Without the fields that are empty lists or records. */
function nonEmpty<T extends object>(fields: T): Partial<T> {
  const isEmpty = (value: unknown) =>
    typeof value === "object" && value !== null && Object.keys(value).length === 0;
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !isEmpty(value))) as Partial<T>;
}
