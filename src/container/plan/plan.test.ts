import { describe, expect, test } from "bun:test";
import type { ContainerCreateRequest } from "../../spec/docker.ts";
import type { RuntimeConfig } from "../../spec/oci_runtime.ts";
import { GROUP, HOST, IMAGE, PASSWD, REQUESTS, recorded } from "../_fixtures.ts";
import { mergeConfig } from "../config.ts";
import { fillHostConfig } from "../host_config.ts";
import { readMounts } from "../mounts/notation.ts";
import { FRESH_STATE } from "../records.ts";
import type { PlanInput } from "./input.ts";
import { planRuntimeConfig } from "./plan.ts";

function plan(
  request: ContainerCreateRequest,
  options: Partial<PlanInput> & { id?: string } = {},
): RuntimeConfig {
  const id = options.id ?? "f".repeat(64);
  const host = fillHostConfig(request.HostConfig ?? {}, HOST, { runtime: "native" });
  const MountPoints = readMounts(host).map(({ record }) => record);
  const Config = mergeConfig(request, IMAGE, id.slice(0, 12));
  return planRuntimeConfig({
    record: {
      config: { Id: id, Name: "x", Created: "", Image: "sha256:00", Config, MountPoints },
      host,
      state: FRESH_STATE,
    },
    facts: HOST,
    paths: {
      rootfs: "/R",
      hostname: `/C/${id}/hostname`,
      hosts: `/C/${id}/hosts`,
      resolv: `/C/${id}/resolv.conf`,
    },
    users: { passwd: PASSWD, group: GROUP },
    devices: [],
    blockIo: undefined,
    joined: {},
    ...options,
  });
}

const FUSE = {
  device: { path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 0o600, uid: 0, gid: 0 },
  access: "rwm",
} as const;

/** Docker's bundle of a recorded container, and ours for the same request. */
function both(name: "plain" | "rich"): { docker: RuntimeConfig; ours: RuntimeConfig } {
  const docker = recorded(`docker_${name}.oci`) as unknown as RuntimeConfig;
  const id = docker.linux.cgroupsPath?.split("/").at(-1) ?? "";
  return { docker, ours: plan(REQUESTS[name], { id, devices: name === "rich" ? [FUSE] : [] }) };
}

describe.each(["plain", "rich"] as const)("for the %s container, as Docker's bundle:", (name) => {
  const { docker, ours } = both(name);

  test("the mounts, in their order; what is read-only is so all the way down, as in newer Dockers", () =>
    expect(ours.mounts).toEqual(
      docker.mounts.map((mount) =>
        mount.type === "bind"
          ? { ...mount, options: mount.options?.map((option) => (option === "ro" ? "rro" : option)) ?? [] }
          : mount,
      ),
    ));
  test("the namespaces", () => expect(ours.linux.namespaces).toEqual(docker.linux.namespaces));
  test("the root and the host name", () => {
    expect({ root: ours.root, hostname: ours.hostname }).toEqual({
      root: docker.root,
      hostname: docker.hostname,
    });
  });
  test("the sysctls and devices", () => {
    expect(ours.linux.sysctl).toEqual(docker.linux.sysctl);
    expect(ours.linux.devices).toEqual(docker.linux.devices);
  });
  test("the read-only paths; and more masked ones, which newer Dockers have", () => {
    expect(ours.linux.readonlyPaths).toEqual(docker.linux.readonlyPaths);
    expect(ours.linux.maskedPaths?.filter((path) => !docker.linux.maskedPaths?.includes(path))).toEqual([
      "/proc/interrupts",
      "/sys/devices/virtual/powercap",
    ]);
  });
  test("the process, but that HOME stands in it and a group once", () => {
    const { user, env, capabilities, ...rest } = docker.process;
    const { user: ourUser, env: ourEnv, capabilities: ourCapabilities, ...ourRest } = ours.process;
    expect(ourRest).toEqual(rest);
    expect(ourEnv).toEqual([...env, name === "rich" ? "HOME=/home/alice" : "HOME=/root"]);
    expect(ourUser).toEqual({ ...user, additionalGids: [...new Set(user.additionalGids)] });
    expect(ourCapabilities).toEqual<unknown>({
      effective: [],
      permitted: [],
      inheritable: [],
      ambient: [],
      ...capabilities,
    });
  });
  test("the limits; what Docker writes as zero or false is left out", () => {
    const { devices: _, ...limits } = ours.linux.resources ?? {};
    const {
      devices: __,
      blockIO: ___,
      ...dockers
    } = (docker.linux.resources ?? {}) as Record<string, unknown>;
    expect(limits).toEqual(
      name === "rich"
        ? { ...dockers, memory: { limit: 134217728, reservation: 67108864, swap: 268435456 } }
        : { memory: {}, cpu: {} },
    );
  });
  test("the device rules allow all that Docker's allow", () => {
    const rules = JSON.stringify(ours.linux.resources?.devices);
    const allowed = (docker.linux.resources?.devices ?? []).filter((rule) => rule.allow);
    expect(allowed.length).toBeGreaterThan(5);
    for (const rule of allowed) expect(rules).toContain(JSON.stringify(rule));
    expect(ours.linux.resources?.devices?.[0]).toEqual({ allow: false, access: "rwm" });
  });
});

describe("namespaces", () => {
  const kinds = (request: ContainerCreateRequest["HostConfig"], joined = {}) =>
    plan({ HostConfig: request }, { joined }).linux.namespaces.map(({ type, path }) => path ?? type);

  test("of the host are left out", () => {
    expect(kinds({ NetworkMode: "host", PidMode: "host", IpcMode: "host", UTSMode: "host" })).toEqual([
      "mount",
    ]);
  });
  test("of another container are joined by its first process", () => {
    const modes = { NetworkMode: "container:a", PidMode: "container:b" };
    expect(kinds(modes, { network: 7, pid: 8 })).toEqual([
      "mount",
      "/proc/7/ns/net",
      "uts",
      "/proc/8/ns/pid",
      "ipc",
    ]);
  });
  test("a control group namespace is made where asked for", () => {
    expect(kinds({ CgroupnsMode: "private" })).toContain("cgroup");
  });
  test("low ports are opened to all in a network of one's own only", () => {
    const sysctl = (NetworkMode: string) => plan({ HostConfig: { NetworkMode } }).linux.sysctl;
    expect(Object.keys(sysctl("bridge") ?? {})).toContain("net.ipv4.ip_unprivileged_port_start");
    expect(sysctl("host")).toBeUndefined();
    expect(sysctl("container:a")).toBeUndefined();
  });
});

describe("a privileged container", () => {
  const { process, linux, mounts } = plan({ HostConfig: { Privileged: true } }, { devices: [FUSE] });

  test("has every capability that the engine has, and no more", () => {
    expect(process.capabilities?.effective).toEqual([...HOST.capabilities]);
  });
  test("has no filter, no masked path, all devices, and may write to sysfs and its control group", () => {
    expect(linux.seccomp).toBeUndefined();
    expect([linux.maskedPaths, linux.readonlyPaths]).toEqual([[], []]);
    expect(linux.resources?.devices).toEqual([{ allow: true, access: "rwm" }]);
    expect(linux.devices).toEqual([FUSE.device]);
    const options = mounts
      .filter(({ destination }) => destination.startsWith("/sys"))
      .flatMap((one) => one.options);
    expect(options).not.toContain("ro");
  });
});

describe("mounts", () => {
  const destinations = (HostConfig: ContainerCreateRequest["HostConfig"]) =>
    plan({ HostConfig }).mounts.map(({ destination }) => destination);

  test("of the user replace those of the same place, and a bound /dev all that are in it", () => {
    expect(destinations({ Binds: ["/a:/etc/hosts"] }).filter((path) => path === "/etc/hosts")).toHaveLength(
      1,
    );
    expect(destinations({ Binds: ["/dev:/dev"] }).filter((path) => path.startsWith("/dev"))).toEqual([
      "/dev",
    ]);
  });
  test("are made by depth, so that none hides another", () => {
    const order = destinations({ Binds: ["/a:/x/y/z", "/b:/x"], Tmpfs: { "/x/y": "" } });
    expect(order.filter((path) => path.startsWith("/x"))).toEqual(["/x", "/x/y", "/x/y/z"]);
  });
  test("shared memory that is shared is bound from the host, and with --ipc none there is none", () => {
    const files = { rootfs: "/R", hostname: "/h", hosts: "/e", resolv: "/r" };
    const shm = (IpcMode: string, path?: string) =>
      plan({ HostConfig: { IpcMode } }, { paths: { ...files, ...(path && { shm: path }) } }).mounts.filter(
        ({ destination }) => destination === "/dev/shm",
      );
    expect(shm("host", "/dev/shm").map(({ type, source }) => [type, source])).toEqual([["bind", "/dev/shm"]]);
    expect(shm("none")).toEqual([]);
  });
  test("a bind that is to see later mounts makes the root a slave of the host's", () => {
    expect(plan({ HostConfig: { Binds: ["/a:/b:rslave"] } }).linux.rootfsPropagation).toBe("rslave");
    expect(plan({ HostConfig: { Binds: ["/a:/b"] } }).linux.rootfsPropagation).toBeUndefined();
  });
});

test("a control group parent cannot lead out of the hierarchy", () => {
  expect(plan({ HostConfig: { CgroupParent: "../../x" } }).linux.cgroupsPath).toBe(`/x/${"f".repeat(64)}`);
});

test("the container's variables replace Docker's own, and a bare name takes one away", () => {
  const { env } = plan({ Env: ["HOSTNAME=own", "HOME=/h", "PATH"] }).process;
  expect(env).toEqual(["HOSTNAME=own", "HOME=/h"]);
});
