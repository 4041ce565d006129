/** What tests of the shim share: launches of shell commands on the host, and what comes of them. */

import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import type { RuntimeConfig } from "../spec/oci_runtime.ts";
import { demultiplexer } from "../std/stdcopy.ts";
import type { AttachRequest } from "./handle.ts";
import type { Launch } from "./protocol.ts";

/** A shim whose programs run on the host. */
export const TEST_SHIM = [
  process.execPath,
  "--no-env-file",
  "--config=/dev/null",
  join(import.meta.dir, "_test_shim.ts"),
];

export const OUTPUTS: AttachRequest = { target: {}, stdin: false, stdout: true, stderr: true };

/** A launch of a shell command with all its files below `directory`. */
export function launchIn(
  directory: string,
  script: string,
  { terminal = false, ...more }: Partial<Launch> & { terminal?: boolean } = {},
): Launch {
  const bundle = join(directory, `bundle-${crypto.randomUUID()}`);
  mkdirSync(bundle);
  const program = { terminal, args: ["/bin/sh", "-c", script], env: ["PATH=/bin:/usr/bin"], cwd: "/" };
  writeFileSync(join(bundle, "config.json"), JSON.stringify({ process: program }));
  return {
    id: "test",
    bundle,
    runtime: "native",
    openStdin: false,
    stdinOnce: false,
    log: { driver: "json-file", path: join(directory, "x.log"), maxSize: 0, maxFiles: 1 },
    exitFile: join(directory, "exit.json"),
    disposable: false,
    receiptFile: join(directory, "receipt.jsonl"),
    attachments: 0,
    ...more,
  };
}

/** What a log file holds, without its times. */
export function loggedIn(path: string): string {
  return readFileSync(path, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line).log)
    .join("");
}

/** All that comes over a stream. */
export async function all(stream: Duplex): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part);
  stream.destroy();
  return Buffer.concat(parts);
}

/** The same by stdout and stderr. */
export async function streams(stream: Duplex): Promise<Record<string, string>> {
  const seen: Record<string, string> = {};
  demultiplexer((name, bytes) => {
    seen[name] = (seen[name] ?? "") + Buffer.from(bytes).toString();
  })(await all(stream));
  return seen;
}

/** Whether a process ends within two seconds; it may wait for its real parent as a zombie. */
export async function untilGone(pid: number): Promise<boolean> {
  return eventually(() => !existsSync(`/proc/${pid}/fd/0`));
}

/** Whether something becomes true in time, in milliseconds. */
export async function eventually(holds: () => boolean, time = 2000): Promise<boolean> {
  for (let wait = 0; wait < time; wait += 10) {
    if (holds()) return true;
    await Bun.sleep(10);
  }
  return false;
}

/** Private dirty memory of a process, in KiB. */
export function privateMemory(pid: number): number {
  return Number(/^Private_Dirty:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1]);
}

export const BUSYBOX = "/bin/busybox";

/** A root file system of busybox and links to it in `directory`. */
export function makeRootfs(directory: string): void {
  const root = join(directory, "rootfs");
  for (const name of ["bin", "proc", "dev", "sys", "tmp"]) mkdirSync(join(root, name), { recursive: true });
  copyFileSync(BUSYBOX, join(root, "bin/busybox"));
  for (const name of ["sh", "cat", "true", "sleep", "tail", "head", "tty", "stty", "ps"])
    symlinkSync("busybox", join(root, "bin", name));
}

/** What a container may differ in. */
export interface BundleOptions {
  terminal?: boolean;
  memory?: number;
  args?: string[];
}

/** A launch of a shell command in a container whose root file system `makeRootfs` has made in `directory`. */
export function containerIn(
  directory: string,
  script: string,
  { terminal = false, memory, args, ...more }: BundleOptions & Partial<Launch> = {},
): Launch {
  const id = `test-${crypto.randomUUID().slice(0, 8)}`;
  const bundle = join(directory, id);
  mkdirSync(bundle);
  const config: RuntimeConfig = {
    ociVersion: "1.2.0",
    hostname: "test",
    process: {
      terminal,
      user: { uid: 0, gid: 0 },
      args: args ?? ["/bin/sh", "-c", script],
      env: ["PATH=/bin"],
      cwd: "/",
    },
    root: { path: join(directory, "rootfs") },
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755"] },
      {
        destination: "/dev/pts",
        type: "devpts",
        source: "devpts",
        options: ["newinstance", "ptmxmode=0666", "mode=0620"],
      },
    ],
    linux: {
      namespaces: (["pid", "mount", "ipc", "uts", "network"] as const).map((type) => ({ type })),
      cgroupsPath: `/fathom-${id}`,
      resources: memory === undefined ? {} : { memory: { limit: memory, swap: memory } },
    },
  };
  writeFileSync(join(bundle, "config.json"), JSON.stringify(config));
  return {
    id,
    bundle,
    runtime: "native",
    openStdin: false,
    stdinOnce: false,
    log: { driver: "json-file", path: join(bundle, "x.log"), maxSize: 0, maxFiles: 1 },
    exitFile: join(bundle, "exit.json"),
    disposable: false,
    receiptFile: join(bundle, "receipt.jsonl"),
    attachments: 0,
    ...more,
  };
}
