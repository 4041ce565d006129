/** What tests share: a host, an image and the two requests whose outcome was recorded from Docker (testdata/README). */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ContainerCreateRequest } from "../spec/docker.ts";
import type { ImageConfig } from "../spec/oci_image.ts";
import type { Host } from "./host.ts";

export const HOST: Host = {
  boot: "11111111-2222-3333-4444-555555555555",
  architecture: "amd64",
  hostname: "host",
  cpus: 2,
  cgroup: "v1",
  capabilities: ["CAP_CHOWN", "CAP_KILL", "CAP_SYS_ADMIN", "CAP_NET_ADMIN", "CAP_MKNOD"],
  hardLimits: { nofile: 20_000 },
  limits: {
    memory: true,
    swap: true,
    swappiness: true,
    reservation: true,
    oomKillDisable: true,
    pids: true,
    cpuShares: true,
    cpuQuota: true,
    cpuRealtime: true,
    cpuset: true,
    blockWeight: true,
    blockWeightDevice: true,
    blockRates: true,
    cpus: "0-1",
    memoryNodes: "0",
  },
  thermalPaths: [],
  modules: { apparmor: false, selinux: false },
};

export const IMAGE: ImageConfig = {
  architecture: "amd64",
  os: "linux",
  config: {
    Env: ["PATH=/bin:/usr/bin"],
    Cmd: ["sh"],
    Labels: { a: "b" },
    ExposedPorts: { "80/tcp": {} },
  },
  rootfs: { type: "layers", diff_ids: [] },
};

export const PASSWD = "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n";
export const GROUP = "root:x:0:\nwheel:x:10:root,alice\naudio:x:29:alice\nalice:x:1000:\n";

/** The bodies that the docker command sends for the two recorded containers, without what it sends as a default. */
export const REQUESTS: Record<"plain" | "rich", ContainerCreateRequest> = {
  plain: {
    Image: "bb",
    Cmd: ["sleep", "1000"],
    HostConfig: { NetworkMode: "none", Ulimits: [{ Name: "nofile", Hard: 2048, Soft: 1024 }] },
  },
  rich: {
    Image: "bb",
    Cmd: ["sh"],
    Hostname: "hh",
    User: "alice",
    Tty: true,
    OpenStdin: true,
    Env: ["A=b"],
    WorkingDir: "/work/dir",
    Labels: { k: "v" },
    HostConfig: {
      NetworkMode: "none",
      CapAdd: ["CAP_NET_ADMIN"],
      CapDrop: ["CAP_MKNOD"],
      GroupAdd: ["audio"],
      Tmpfs: { "/run": "size=10m,mode=755" },
      Binds: ["/srv/data:/data:ro"],
      ReadonlyRootfs: true,
      Memory: 134_217_728,
      MemoryReservation: 67_108_864,
      MemorySwap: 268_435_456,
      NanoCpus: 500_000_000,
      CpuShares: 200,
      CpusetCpus: "0-1",
      PidsLimit: 50,
      OomScoreAdj: 100,
      ShmSize: 33_554_432,
      Init: false,
      Sysctls: { "net.ipv4.ip_forward": "1" },
      SecurityOpt: ["no-new-privileges"],
      Devices: [{ PathOnHost: "/dev/fuse", PathInContainer: "/dev/fuse", CgroupPermissions: "rwm" }],
    },
  },
};

/** A recorded answer of Docker. */
export function recorded(name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(import.meta.dir, "testdata", `${name}.json`), "utf8"));
}
