/** Bundles as the OCI project's own generator makes them, and a container's life by the commands of a runtime. */

import { linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RuntimeConfig } from "../../src/spec/oci_runtime.ts";
import { eventually, type Result } from "../harness/mod.ts";
import type { OciRuntime } from "./_oci_runtimes.ts";

export type Change = (config: RuntimeConfig, place: { bundle: string; rootfs: string; host: number }) => void;

/** Where the control groups of all these containers are. */
export const GROUP = `/fathom-test-validation-${process.pid}`;

const APPLETS =
  "sh true false cat ls mount umount sleep id uname env grep ps readlink touch mkdir stat hostname kill wc head dd chmod cut pwd rm test";

const CAPABILITIES =
  "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE"
    .split(" ")
    .map((name) => `CAP_${name}`);

const CONFIG: RuntimeConfig = {
  ociVersion: "1.0.2",
  hostname: "mrsdalloway",
  root: { path: "rootfs" },
  process: {
    user: { uid: 0, gid: 0 },
    args: ["true"],
    env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
    cwd: "/",
    rlimits: [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 }],
    capabilities: {
      bounding: CAPABILITIES,
      effective: CAPABILITIES,
      permitted: CAPABILITIES,
      inheritable: CAPABILITIES,
      ambient: CAPABILITIES,
    },
  },
  mounts: [
    { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
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
    {
      destination: "/dev/shm",
      type: "tmpfs",
      source: "shm",
      options: ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
    },
    { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"] },
    { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
  ],
  linux: {
    resources: { devices: [{ allow: false, access: "rwm" }] },
    namespaces: [{ type: "pid" }, { type: "network" }, { type: "ipc" }, { type: "uts" }, { type: "mount" }],
  },
};

export interface State {
  id: string;
  status: string;
  pid: number;
  bundle: string;
  ociVersion?: string;
  annotations?: Record<string, string>;
}

/** A container that a runtime is told of by its ID. */
export interface Container {
  id: string;
  bundle: string;
  rootfs: string;
  /** The control group it is to have, below each hierarchy. */
  group: string;
  /** Runs a command with its ID as the last word but for those of `behind`. */
  tell(command: string, ...behind: string[]): Promise<Result>;
  create(...options: string[]): Promise<Result>;
  state(): Promise<State>;
  until(status: string): Promise<void>;
  configure(change: Change): void;
  /** What it has written. */
  output(): string;
}

let made = 0;

/** Writes a bundle. Nothing of it is known to the runtime yet. */
export function bundleFor(
  runtime: OciRuntime,
  directory: string,
  change: Change = () => undefined,
): Container {
  const id = `${runtime.name}-${made++}`;
  const bundle = join(directory, id);
  const rootfs = join(bundle, "rootfs");
  makeRoot(rootfs, directory);
  const group = `${GROUP}/${id}`;
  const output = join(bundle, "container-output");
  writeFileSync(output, "");
  const configure = (changed: Change): void => {
    const config = structuredClone(CONFIG);
    config.linux.cgroupsPath = group;
    changed(config, { bundle, rootfs, host: runtime.host });
    writeFileSync(join(bundle, "config.json"), JSON.stringify(config));
  };
  configure(change);
  const tell = (command: string, ...behind: string[]) => runtime.command([command, id, ...behind]);
  const state = async (): Promise<State> => {
    const { status, stdout, stderr } = await tell("state");
    if (status !== 0) throw new Error(`state: ${stderr}`);
    return JSON.parse(stdout);
  };
  const until = async (status: string): Promise<void> => {
    await eventually(`the status ${status}`, async () => (await state()).status === status);
  };
  return {
    id,
    bundle,
    rootfs,
    group,
    tell,
    state,
    until,
    configure,
    create: (...options) => runtime.command(["create", "--bundle", bundle, ...options, id], output),
    output: () => readFileSync(output, "utf8"),
  };
}

function makeRoot(rootfs: string, directory: string): void {
  for (const name of ["bin", "etc", "proc", "sys", "dev", "tmp"])
    mkdirSync(join(rootfs, name), { recursive: true });
  linkSync(join(directory, "busybox"), join(rootfs, "bin/busybox"));
  for (const applet of APPLETS.split(" ")) symlinkSync("busybox", join(rootfs, "bin", applet));
}
