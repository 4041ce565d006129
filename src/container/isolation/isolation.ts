/**
 * How a container is isolated: the truth of its first process while it runs, what it was asked to be otherwise.
 *
 * Everything is read from outside, from procfs, where no container has a say in what stands there.
 */

import { readFile, readlink } from "node:fs/promises";
import type { Isolation } from "../../spec/isolation.ts";
import { ifAbsent } from "../../std/absent.ts";
import { capabilityRequest } from "../check.ts";
import { type Container, nameOf } from "../container.ts";
import type { Context } from "../context.ts";
import { joinedName } from "../joined_name.ts";
import { CAPABILITIES, capabilitiesOfMask, grantedCapabilities } from "../plan/capabilities.ts";
import { readSecurityOptions } from "../plan/security.ts";
import type { ContainerRecord } from "../records.ts";
import { unusual } from "./unusual.ts";

/** What can only be known of a process. */
type Live = Pick<
  Isolation,
  "Namespaces" | "Seccomp" | "NoNewPrivileges" | "HiddenPaths" | "ReadonlyPaths" | "ReadonlyRootfs"
> & { had: string[]; uid: number; hostUid: number };

export async function isolationOf(context: Context, container: Container): Promise<Isolation> {
  const { record } = container;
  const { config, host, state } = record;
  const running = container.live !== undefined;
  // One that ends in this moment is shown as it would be started.
  const live = running ? await look(context, container).catch(ifAbsent(undefined)) : undefined;
  const seen = live ?? expected(context, record);
  const { had, uid, hostUid, ...rest } = seen;
  const isolation: Isolation = {
    Id: config.Id,
    Name: nameOf(container).name,
    Pid: running ? state.Pid : 0,
    Running: running,
    ...rest,
    User: { Name: config.Config.User || "root", Uid: uid, HostUid: hostUid },
    Capabilities: {
      Had: had,
      Denied: CAPABILITIES.all.filter((name) => !had.includes(name)),
      Unusual: had.filter((name) => !CAPABILITIES.byDefault.includes(name)),
      Missing: CAPABILITIES.byDefault.filter((name) => !had.includes(name)),
    },
    Privileged: host.Privileged,
    Devices: host.Privileged ? ["all of the host"] : (host.Devices ?? []).map((one) => one.PathOnHost),
    WritableMounts: config.MountPoints.filter(({ RW, Type }) => RW && Type !== "tmpfs").map(
      ({ Source, Destination }) => ({ Source, Destination }),
    ),
    Limits: {
      Memory: host.Memory,
      Cpus: host.NanoCpus > 0 ? host.NanoCpus / 1e9 : quotaOf(record),
      Pids: Math.max(host.PidsLimit ?? 0, 0),
    },
    Unusual: [],
  };
  return { ...isolation, Unusual: unusual(isolation) };
}

function quotaOf({ host }: ContainerRecord): number {
  return host.CpuQuota > 0 ? host.CpuQuota / (host.CpuPeriod || 100_000) : 0;
}

/** Names of namespaces as files of /proc/PID/ns have them, by what people call them. */
const NAMESPACES = {
  processes: "pid",
  network: "net",
  mounts: "mnt",
  "shared memory": "ipc",
  "host name": "uts",
  users: "user",
  "control groups": "cgroup",
} as const;

async function look(context: Context, container: Container): Promise<Live> {
  const { Pid: pid } = container.record.state;
  const [status, mounts, uids] = await Promise.all(
    ["status", "mountinfo", "uid_map"].map((file) => readFile(`/proc/${pid}/${file}`, "utf8")),
  );
  const field = (name: string): string =>
    new RegExp(`^${name}:\\s*(\\S+)`, "m").exec(status ?? "")?.[1] ?? "";
  const covered = (mounts ?? "").split("\n").flatMap((line) => {
    const [, , , , place = "", options = ""] = line.split(" ");
    return /^\/(proc|sys)\/(?!fs\/cgroup)/.test(place) ? [{ line, options: options.split(",") }] : [];
  });
  const isHidden = ({ line }: { line: string }) => !/ - (proc|sysfs) /.test(line);
  const root = (mounts ?? "").split("\n").find((line) => line.split(" ")[4] === "/");
  const hostUid = Number(field("Uid"));
  return {
    Namespaces: await namespacesOf(context, container),
    had: capabilitiesOfMask(field("CapBnd") || "0"),
    uid: insideId(uids ?? "", hostUid),
    hostUid,
    Seccomp: field("Seccomp") === "2",
    NoNewPrivileges: field("NoNewPrivs") === "1",
    HiddenPaths: covered.filter(isHidden).length,
    ReadonlyPaths: covered.filter((one) => !isHidden(one) && one.options.includes("ro")).length,
    ReadonlyRootfs: root?.split(" ")[5]?.split(",").includes("ro") ?? false,
  };
}

/** The ID that the process itself sees. uid_map(7): first inside, first outside, how many. */
function insideId(map: string, outside: number): number {
  for (const line of map.trim().split("\n")) {
    const [inside = 0, host = 0, size = 0] = line.trim().split(/\s+/).map(Number);
    if (outside >= host && outside < host + size) return inside + outside - host;
  }
  return outside;
}

/** The others that run are compared with, so that whoever shares one is named, however that came. */
async function namespacesOf({ registry }: Context, container: Container): Promise<Isolation["Namespaces"]> {
  const others = registry.all().filter((one) => one !== container && one.live !== undefined);
  const link = (pid: number | "self", file: string) =>
    readlink(`/proc/${pid}/ns/${file}`).catch(() => undefined);
  return Promise.all(
    Object.entries(NAMESPACES).map(async ([Type, file]) => {
      const [own, host] = await Promise.all([link(container.record.state.Pid, file), link("self", file)]);
      if (own === host) return { Type, Sharing: "host", With: [] } as const;
      const theirs = await Promise.all(others.map((one) => link(one.record.state.Pid, file)));
      const With = others.filter((_, index) => theirs[index] === own).map((one) => nameOf(one).name);
      return { Type, Sharing: With.length > 0 ? "shared" : "own", With } as const;
    }),
  );
}

function expected(context: Context, { config, host }: ContainerRecord): Live {
  const security = readSecurityOptions(host.SecurityOpt ?? []);
  const uid = Number.parseInt(config.Config.User, 10) || 0;
  const sharing = (mode: string): Pick<Isolation["Namespaces"][number], "Sharing" | "With"> => {
    if (mode === "host") return { Sharing: "host", With: [] };
    const name = joinedName(mode);
    return name === undefined
      ? { Sharing: "own", With: [] }
      : { Sharing: "shared", With: [name.slice(0, 12)] };
  };
  return {
    Namespaces: [
      { Type: "processes", ...sharing(host.PidMode) },
      { Type: "network", ...sharing(host.NetworkMode) },
      { Type: "mounts", Sharing: "own", With: [] },
      { Type: "shared memory", ...sharing(host.IpcMode) },
      { Type: "host name", ...sharing(host.UTSMode) },
      { Type: "users", ...sharing(config.IdMaps === undefined ? "host" : "") },
      { Type: "control groups", ...sharing(host.CgroupnsMode) },
    ],
    had: grantedCapabilities(capabilityRequest(host), context.host.capabilities),
    uid,
    hostUid: uid + (config.IdMaps?.uids[0]?.hostID ?? 0),
    Seccomp: !host.Privileged && security.seccomp !== "unconfined",
    NoNewPrivileges: security.noNewPrivileges,
    HiddenPaths: host.MaskedPaths?.length ?? 0,
    ReadonlyPaths: host.ReadonlyPaths?.length ?? 0,
    ReadonlyRootfs: host.ReadonlyRootfs,
  };
}
