/** What an engine's directories and the host show of it: read, and judged by nobody yet. */

import type { StatsFs } from "node:fs";
import { open, readdir, readFile, readlink, statfs } from "node:fs/promises";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { ENGINE_CGROUP } from "../../container/mod.ts";
import { readRecords } from "../../container/records.ts";
import { cgroupLayout, mountpoints, openCgroup } from "../../kernel/mod.ts";
import { ifAbsent } from "../../std/absent.ts";
import { kindOf } from "../../std/errors.ts";

export interface Roots {
  dataRoot: string;
  execRoot: string;
  pidfile: string;
}

export interface ContainerFacts {
  id: string;
  /** Of its state on disk; `unfinished` without a record. */
  status: string;
  damage: string | undefined;
  socket: string | undefined;
  /** Its snapshot's directory is there, and the layers it stands on are. */
  snapshot: boolean;
  mounted: boolean;
  /** How many control groups of it there are, and processes in them. */
  cgroup: { directories: number; processes: number };
  /** Files that were being written, older than a minute. */
  temporaries: string[];
}

export interface Facts {
  roots: Roots;
  containers: ContainerFacts[];
  bundles: string[];
  shims: { pid: number; parent: number; socket: string }[];
  sockets: { path: string; answers: boolean }[];
  /** The process named by the pid file, and whether it is there. */
  daemon: { pid: number; lives: boolean } | undefined;
  ingest: string[];
  indexDamage: string | undefined;
  disk: { free: number; total: number; filesFree: number; files: number };
  /** Those of version 1, or `v2`; none where no control groups are mounted. */
  controllers: string[];
  /** Whether containers can leave this process's root: it is a mount, and one upon another. */
  rootIsMounted: boolean;
  overlay: boolean;
  openFiles: number;
  capabilities: bigint;
}

export async function gatherFacts(roots: Roots): Promise<Facts> {
  const { dataRoot, execRoot } = roots;
  const [
    containers,
    bundles,
    shims,
    sockets,
    daemon,
    ingest,
    indexDamage,
    space,
    filesystems,
    limits,
    status,
  ] = await Promise.all([
    containerFacts(dataRoot),
    namesIn(join(execRoot, "bundles")),
    shimsOf(execRoot),
    socketsIn(join(execRoot, "shims")),
    daemonOf(roots.pidfile),
    ingestOf(dataRoot),
    damageOf(join(dataRoot, "images", "index.json")),
    spaceFor(dataRoot),
    readFile("/proc/filesystems", "latin1"),
    readFile("/proc/self/limits", "latin1"),
    readFile("/proc/self/status", "latin1"),
  ]);
  const { bavail, blocks, bsize, ffree, files } = space;
  return {
    ...{ roots, containers, bundles, shims, sockets, daemon, ingest, indexDamage },
    disk: { free: bavail * bsize, total: blocks * bsize, filesFree: ffree, files },
    controllers: controllersOf(),
    rootIsMounted: await isRootMounted(),
    overlay: /\boverlay$/m.test(filesystems),
    openFiles: Number(/^Max open files +\S+ +(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY),
    capabilities: BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`),
  };
}

/** mnt_id of proc_pid_fdinfo(5); the first root of all is its own parent, and a chroot's directory is no mount point. */
async function isRootMounted(): Promise<boolean> {
  await using root = await open("/");
  const mount = /^mnt_id:\s*(\d+)$/m.exec(await readFile(`/proc/self/fdinfo/${root.fd}`, "latin1"))?.[1];
  return mountpoints().some(
    ({ mountPoint, id, parent }) => id === Number(mount) && mountPoint === "/" && parent !== id,
  );
}

/** Of the file system that holds a directory, or will when it is made. */
function spaceFor(directory: string): Promise<StatsFs> {
  return statfs(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT" || directory === "/") throw error;
    return spaceFor(dirname(directory));
  });
}

function namesIn(directory: string): Promise<string[]> {
  return readdir(directory).catch(ifAbsent([]));
}

function controllersOf(): string[] {
  const layout = layoutIfAny();
  if (layout === undefined) return [];
  return layout.version === 1 ? layout.hierarchies.flatMap(({ controllers }) => controllers) : ["v2"];
}

function layoutIfAny(): ReturnType<typeof cgroupLayout> | undefined {
  try {
    return cgroupLayout();
  } catch (error) {
    if (kindOf(error) === "unsupported") return undefined;
    throw error;
  }
}

async function containerFacts(dataRoot: string): Promise<ContainerFacts[]> {
  const root = join(dataRoot, "containers");
  if ((await namesIn(dataRoot)).includes("containers") === false) return [];
  const mounted = new Set(mountpoints().map(({ mountPoint }) => mountPoint));
  const layers = new Set(await namesIn(join(dataRoot, "layers")));
  return Promise.all(
    (await readRecords(root)).map(async (found): Promise<ContainerFacts> => {
      const directory = join(root, found.id);
      const state = found.kind === "whole" ? found.record.state : undefined;
      return {
        id: found.id,
        status: state?.Status ?? found.kind,
        damage: "damage" in found ? found.damage : undefined,
        socket: state?.Shim?.Socket,
        snapshot: await hasSnapshot(directory, layers),
        mounted: mounted.has(join(directory, "rootfs")),
        cgroup: groupsOf(found.id),
        temporaries: (await namesIn(directory).catch(() => []))
          .filter((name) => /\.(tmp|new)$/.test(name))
          .map((name) => join(directory, name)),
      };
    }),
  );
}

async function hasSnapshot(directory: string, layers: ReadonlySet<string>): Promise<boolean> {
  const names = await namesIn(directory).catch((): string[] => []);
  if (!names.includes("rw") || !names.includes("rootfs")) return false;
  if (!names.includes("parent")) return true;
  const top = await readlink(join(directory, "parent"));
  return layers.has(top.split("/").at(-1) ?? "");
}

function groupsOf(id: string): ContainerFacts["cgroup"] {
  if (layoutIfAny() === undefined) return { directories: 0, processes: 0 };
  using group = openCgroup(`${ENGINE_CGROUP}/${id}`);
  return { directories: group?.directories.length ?? 0, processes: group?.pids().length ?? 0 };
}

async function shimsOf(execRoot: string): Promise<Facts["shims"]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (name) => {
      const read = (file: string) => readFile(`/proc/${name}/${file}`, "latin1").catch(() => "");
      const words = (await read("cmdline")).split("\0");
      const socket = words[words.indexOf("--socket") + 1] ?? "";
      if (!words.includes("shim") || !socket.startsWith(join(execRoot, "shims/"))) return [];
      return [
        { pid: Number(name), parent: Number(/^PPid:\s*(\d+)/m.exec(await read("status"))?.[1]), socket },
      ];
    }),
  );
  return found.flat();
}

async function socketsIn(directory: string): Promise<Facts["sockets"]> {
  const paths = (await namesIn(directory)).map((name) => join(directory, name));
  return Promise.all(paths.map(async (path) => ({ path, answers: await answers(path) })));
}

function answers(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ path }, () => resolve(true));
  socket.once("error", () => resolve(false));
  return promise.finally(() => socket.destroy());
}

async function daemonOf(pidfile: string): Promise<Facts["daemon"]> {
  const pid = Number.parseInt(await readFile(pidfile, "latin1").catch(ifAbsent("")), 10);
  if (!(pid > 0)) return undefined;
  const words = (await readFile(`/proc/${pid}/cmdline`, "latin1").catch(() => "")).split("\0");
  return { pid, lives: words.includes("daemon") };
}

async function ingestOf(dataRoot: string): Promise<string[]> {
  const directories = [join(dataRoot, "images", "ingest"), join(dataRoot, "layers", "ingest")];
  return (
    await Promise.all(directories.map(async (path) => (await namesIn(path)).map((name) => join(path, name))))
  ).flat();
}

async function damageOf(index: string): Promise<string | undefined> {
  const text = await readFile(index, "utf8").catch(ifAbsent("{}"));
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
