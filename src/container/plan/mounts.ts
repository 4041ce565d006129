/** The mounts of a container, in the order in which they are made: Docker's default ones, then the user's by depth. Pure. */

import { INIT_PATH } from "../../spec/docker.ts";
import type { Mount } from "../../spec/oci_runtime.ts";
import type { FullHostConfig } from "../host_config.ts";
import { bindMount, cleanPath, tmpfsMount } from "../mounts/points.ts";
import type { PlanInput } from "./input.ts";
import { readSecurityOptions } from "./security.ts";

export function planMounts(input: PlanInput): Mount[] {
  const own = userMounts(input);
  const taken = new Set(own.map(({ destination }) => destination));
  const defaults = defaultMounts(input.record.host).filter(
    ({ destination }) => !taken.has(destination) && !(taken.has("/dev") && destination.startsWith("/dev/")),
  );
  return [...defaults, ...own];
}

function defaultMounts(host: FullHostConfig): Mount[] {
  const safe = ["nosuid", "noexec", "nodev"];
  const readOnly = host.Privileged ? [] : ["ro"];
  const { writableCgroups } = readSecurityOptions(host.SecurityOpt ?? []);
  const mounts: (Mount | false)[] = [
    { destination: "/proc", type: "proc", source: "proc", options: safe },
    {
      destination: "/dev",
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
    },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
    },
    { destination: "/sys", type: "sysfs", source: "sysfs", options: [...safe, ...readOnly] },
    {
      destination: "/sys/fs/cgroup",
      type: "cgroup",
      source: "cgroup",
      options: [...(writableCgroups ? [] : readOnly), ...safe],
    },
    { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: safe },
    // With --ipc none there is no shared memory; with --ipc host it is on the host, bound below.
    host.IpcMode !== "none" && {
      destination: "/dev/shm",
      type: "tmpfs",
      source: "shm",
      options: [...safe, "mode=1777", `size=${host.ShmSize}`],
    },
  ];
  return mounts.filter((mount) => mount !== false);
}

/** By the number of path components, so that no mount hides one made before it; in the order given where that is equal. */
function userMounts(input: PlanInput): Mount[] {
  const { config, host } = input.record;
  const points = config.MountPoints.map((point) =>
    point.Type === "tmpfs"
      ? tmpfsMount(point.Destination, point.Details?.tmpfs ?? "")
      : bindMount(point, input.sources?.get(point.Destination)),
  );
  const tmpfs = Object.entries(host.Tmpfs ?? {}).map(([path, options]) => tmpfsMount(path, options));
  const chosen = [...points, ...tmpfs, ...sharedShm(input)];
  const taken = new Set(chosen.map(({ destination }) => destination));
  const files = ownFiles(input).filter(({ destination }) => !taken.has(destination));
  return [...chosen, ...files, ...initMount(input)].sort(
    (a, b) => depth(a.destination) - depth(b.destination),
  );
}

function sharedShm({ paths }: PlanInput): Mount[] {
  if (paths.shm === undefined) return [];
  return [bindMount({ Source: paths.shm, Destination: "/dev/shm", RW: true, Propagation: "rprivate" })];
}

function ownFiles({ record, paths }: PlanInput): Mount[] {
  const bind = (source: string, destination: string) =>
    bindMount({
      Source: source,
      Destination: destination,
      RW: !record.host.ReadonlyRootfs,
      Propagation: "rprivate",
    });
  return [
    bind(paths.resolv, "/etc/resolv.conf"),
    bind(paths.hostname, "/etc/hostname"),
    bind(paths.hosts, "/etc/hosts"),
  ];
}

/** The host's directory may lie on a file system from which nothing is executed. */
function initMount({ paths: { init } }: PlanInput): Mount[] {
  if (init === undefined) return [];
  const options = ["bind", "ro", "exec", "nosuid", "nodev", "rprivate"];
  return [{ destination: INIT_PATH, type: "bind", source: init, options }];
}

function depth(path: string): number {
  return cleanPath(path).split("/").length;
}
