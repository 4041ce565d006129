/** `docker inspect`: a container as Docker shows it, field by field. */

import type { ContainerInspect, ContainerState, MountPoint } from "../spec/docker.ts";
import { commandLine } from "./config.ts";
import { type Container, nameOf } from "./container.ts";
import type { Context } from "./context.ts";
import { execIds } from "./exec/exec.ts";
import { shownHealth } from "./health/health.ts";
import { shownMount } from "./mounts/record.ts";
import { shownLinks } from "./network/links.ts";
import { networkSettings } from "./network/network.ts";
import { readSecurityOptions } from "./plan/security.ts";
import { type ContainerRecord, NEVER, type StateRecord } from "./records.ts";

export async function inspectContainer(
  context: Context,
  container: Container,
  { size }: { size: boolean },
): Promise<ContainerInspect> {
  const { images } = context.options;
  const { id } = nameOf(container);
  const [graphDriver, sizes] = await Promise.all([
    images.graphDriver(id),
    size ? images.sizes(id) : undefined,
  ]);
  const execs = execIds(context, id);
  return {
    ...describe(context, container),
    ...(sizes && { SizeRw: sizes.rw, SizeRootFs: sizes.rootfs }),
    Driver: graphDriver.Name,
    GraphDriver: graphDriver,
    ExecIDs: execs.length > 0 ? execs : null,
  };
}

function describe(
  context: Context,
  container: Container,
): Omit<ContainerInspect, "Driver" | "GraphDriver" | "ExecIDs"> {
  const { record } = container;
  const { config, host, state } = record;
  const { path, args } = commandLine(config.Config);
  return {
    Id: config.Id,
    Created: config.Created,
    Path: path,
    Args: args,
    State: stateOf(state),
    Image: config.Image,
    // Docker knows its files once the container has been started.
    ...(state.StartedAt === NEVER ? NO_FILES : filesOf(container)),
    Name: `/${config.Name}`,
    RestartCount: state.RestartCount,
    Platform: "linux",
    MountLabel: "",
    ProcessLabel: "",
    AppArmorProfile: readSecurityOptions(host.SecurityOpt ?? []).apparmor ?? "",
    HostConfig: { ...host, Links: shownLinks(context, container) },
    Mounts: mountPoints(record),
    Config: { ...config.Config, ...macAddress(record) },
    NetworkSettings: networkSettings(context, container),
  };
}

const NO_FILES = { ResolvConfPath: "", HostnamePath: "", HostsPath: "", LogPath: "" };

function filesOf({ paths, record: { host } }: Container): typeof NO_FILES {
  return {
    ResolvConfPath: paths.resolv,
    HostnamePath: paths.hostname,
    HostsPath: paths.hosts,
    LogPath: host.LogConfig.Type === "json-file" ? paths.log : "",
  };
}

/** As it was asked for, which Docker shows there too. */
function macAddress({ config, host }: ContainerRecord): { MacAddress?: string } {
  const { MacAddress } = config.Endpoints?.[host.NetworkMode] ?? {};
  return MacAddress ? { MacAddress } : {};
}

function stateOf(state: StateRecord): ContainerState {
  const { Status } = state;
  const Health = shownHealth(state);
  return {
    Status,
    Running: Status === "running" || Status === "paused" || Status === "restarting",
    Paused: Status === "paused",
    Restarting: Status === "restarting",
    OOMKilled: state.OOMKilled,
    Dead: Status === "dead",
    Pid: state.Pid,
    ExitCode: state.ExitCode,
    Error: state.Error,
    StartedAt: state.StartedAt,
    FinishedAt: state.FinishedAt,
    ...(Health && { Health }),
  };
}

/** All but plain `--tmpfs`, which is not among them, as in Docker. */
export function mountPoints({ config }: ContainerRecord): MountPoint[] {
  return config.MountPoints.map(shownMount);
}
