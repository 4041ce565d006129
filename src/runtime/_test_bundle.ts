/** Bundles for tests: a root made from busybox, and a configuration like the one Docker makes. */

import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { closeFd, exited, pipe, reap, setNonBlocking } from "../kernel/mod.ts";
import type { Process, RuntimeConfig } from "../spec/oci_runtime.ts";
import { codeOf } from "../std/absent.ts";
import type { Running, Runtime, Started, Streams } from "./runtime.ts";

const BUSYBOX = "/bin/busybox";
export const hasBusybox = existsSync(BUSYBOX);

const APPLETS =
  "sh true false cat ls mount sleep id uname env grep ps tty stty readlink touch mkdir stat ip hostname kill wc head dd chmod cut ionice";

/** Docker's default capabilities. */
const CAPABILITIES =
  "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE"
    .split(" ")
    .map((name) => `CAP_${name}`);

/** A directory with a root and bundles that vanishes with all it holds. */
export interface TestBundles extends Disposable {
  readonly directory: string;
  readonly root: string;
  /** Writes a bundle and gives its directory; its control group is /fathom-test-runtime/<id>. */
  write(id: string, config: RuntimeConfig): string;
}

export function testBundles(): TestBundles {
  const directory = mkdtempSync("/tmp/fathom-test-runtime-");
  const root = join(directory, "rootfs");
  for (const name of ["bin", "etc", "proc", "sys", "dev", "tmp", "home/user"])
    mkdirSync(join(root, name), { recursive: true });
  copyFileSync(BUSYBOX, join(root, "bin/busybox"));
  for (const name of APPLETS.split(" ")) symlinkSync("busybox", join(root, "bin", name));
  writeFileSync(
    join(root, "etc/passwd"),
    "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n",
  );
  const write = (id: string, config: RuntimeConfig): string => {
    const bundle = join(directory, id);
    mkdirSync(bundle, { recursive: true });
    const linux = { cgroupsPath: `/fathom-test-runtime/${id}`, ...config.linux };
    writeFileSync(join(bundle, "config.json"), JSON.stringify({ ...config, linux }));
    return bundle;
  };
  const dispose = (): void => {
    rmSync(directory, { recursive: true });
    removeCgroups();
  };
  return { directory, root, write, [Symbol.dispose]: dispose };
}

/** Removes the parent of the containers' groups, which fails if one of them is still there. */
function removeCgroups(): void {
  for (const hierarchy of ["", ...readdirSync("/sys/fs/cgroup")]) {
    const parent = join("/sys/fs/cgroup", hierarchy, "fathom-test-runtime");
    if (existsSync(parent)) rmdirSync(parent);
  }
}

/** A process as Docker describes it. */
export function dockerProcess(args: readonly string[], more: Partial<Process> = {}): Process {
  const capabilities = {
    bounding: CAPABILITIES,
    effective: CAPABILITIES,
    permitted: CAPABILITIES,
    inheritable: [],
    ambient: [],
  };
  return {
    user: { uid: 0, gid: 0 },
    args: [...args],
    env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
    cwd: "/",
    capabilities,
    oomScoreAdj: 0,
    ...more,
  };
}

/** A container's configuration as Docker makes it, but for its seccomp profile, which is short. */
export function dockerConfig(root: string, process: Process): RuntimeConfig {
  return {
    ociVersion: "1.0.2",
    hostname: "box",
    root: { path: root },
    process,
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
      { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
      {
        destination: "/sys/fs/cgroup",
        type: "cgroup",
        source: "cgroup",
        options: ["ro", "nosuid", "noexec", "nodev"],
      },
      {
        destination: "/dev/mqueue",
        type: "mqueue",
        source: "mqueue",
        options: ["nosuid", "noexec", "nodev"],
      },
      {
        destination: "/dev/shm",
        type: "tmpfs",
        source: "shm",
        options: ["nosuid", "noexec", "nodev", "mode=1777", "size=67108864"],
      },
    ],
    linux: {
      namespaces: [{ type: "mount" }, { type: "network" }, { type: "uts" }, { type: "pid" }, { type: "ipc" }],
      resources: { pids: { limit: 200 } },
      seccomp: {
        defaultAction: "SCMP_ACT_ALLOW",
        architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
        syscalls: [{ names: ["acct"], action: "SCMP_ACT_ERRNO", errnoRet: 22 }],
      },
      maskedPaths: [
        "/proc/acpi",
        "/proc/kcore",
        "/proc/keys",
        "/proc/timer_list",
        "/proc/none",
        "/sys/firmware",
      ],
      readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", "/proc/none"],
    },
  };
}

/** How a program ended, and what it wrote to both of its streams. */
export interface Outcome {
  output: string;
  ending: ReturnType<typeof reap>;
}

/** Starts a program with a pipe for its output, waits for its end and gives both. */
export async function capture(start: (streams: Streams) => Promise<Started>): Promise<Outcome> {
  using stack = new DisposableStack();
  const input = pipe();
  stack.defer(() => closeFd(input.read));
  closeFd(input.write);
  const out = pipe();
  stack.defer(() => closeFd(out.read));
  setNonBlocking(out.read, true);
  const started = await start({ stdin: input.read, stdout: out.write, stderr: out.write }).finally(() =>
    closeFd(out.write),
  );
  stack.defer(() => closeFd(started.pidfd));
  const output = await textOf(out.read);
  await exited(started.pidfd);
  return { output, ending: reap(started.pid) };
}

/** All that a stream gives, until it ends; a terminal ends in EIO when its last user has closed it. */
export async function textOf(fd: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of Bun.file(fd).stream()) chunks.push(chunk.slice());
  } catch (error) {
    if (codeOf(error) !== "EIO") throw error;
  }
  return Buffer.concat(chunks).toString();
}

/** Runs a container to its end and removes it. */
export async function runToEnd(
  runtime: Runtime,
  container: { id: string; bundle: string },
): Promise<Outcome> {
  let running: Running | undefined;
  try {
    return await capture(async (streams) => {
      running = await runtime.run(container, streams);
      return running;
    });
  } finally {
    if (running !== undefined) await runtime.remove(running);
  }
}
