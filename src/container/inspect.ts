/** `docker inspect`: a container as Docker shows it, field by field. */

import type { ContainerInspect, ContainerState, MountPoint } from "../spec/docker.ts";
import { commandLine } from "./config.ts";
import { type Container, nameOf } from "./container.ts";
import type { Context } from "./context.ts";
import { execIds } from "./exec.ts";
import { shownHealth } from "./health.ts";
import { shownLinks } from "./links.ts";
import { shownMount } from "./mount_record.ts";
import { networkSettings } from "./network.ts";
import { type ContainerRecord, NEVER, type StateRecord } from "./records.ts";
import { readSecurityOptions } from "./security.ts";

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
  const { record, paths } = container;
  const { config, host, state } = record;
  const { path, args } = commandLine(config.Config);
  return {
    Id: config.Id,
    Created: config.Created,
    Path: path,
    Args: args,
    State: stateOf(state),
    Image: config.Image,
    ResolvConfPath: paths.resolv,
    HostnamePath: paths.hostname,
    HostsPath: paths.hosts,
    // Docker knows it once the container has been started.
    LogPath: host.LogConfig.Type === "json-file" && state.StartedAt !== NEVER ? paths.log : "",
    Name: `/${config.Name}`,
    RestartCount: state.RestartCount,
    Platform: "linux",
    MountLabel: "",
    ProcessLabel: "",
    AppArmorProfile: readSecurityOptions(host.SecurityOpt ?? []).apparmor ?? "",
    HostConfig: { ...host, Links: shownLinks(context, container) },
    Mounts: mountPoints(record),
    Config: config.Config,
    NetworkSettings: networkSettings(context, container),
  };
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
