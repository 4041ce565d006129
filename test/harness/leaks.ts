/** What an engine left behind on the host. */

import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./program.ts";
import { eventually } from "./wait.ts";

interface Traces {
  /** The engine's directory, which is part of the name of all that it mounts and starts. */
  root: string;
  /** IDs of all containers it ever had, which are part of the names of their cgroups. */
  ids: ReadonlySet<string>;
}

/** Milliseconds that an engine's last processes may take to be gone. */
const PATIENCE = 3000;

/** Mounts, cgroups, links, tables of rules and processes that are still there after a while; empty when all is clean. */
export async function leftovers(traces: Traces): Promise<string[]> {
  let found = await search(traces);
  await eventually(
    "a clean host",
    async () => {
      found = await search(traces);
      return found.length === 0;
    },
    PATIENCE,
  ).catch(() => undefined);
  return found;
}

async function search({ root, ids }: Traces): Promise<string[]> {
  const mounts = (await readFile("/proc/self/mountinfo", "utf8"))
    .split("\n")
    .filter((line) => line.includes(root));
  return [
    ...mounts.map((line) => `mount ${line.split(" ")[4]}`),
    ...(await cgroupsOf(ids)).map((path) => `cgroup ${path}`),
    ...(await networkTraces(root)),
    ...(await processesOf({ root, ids })).map(({ pid, command }) => `process ${pid}: ${command}`),
  ];
}

/** The bridge and the table of rules that an engine has of its own, by the name that follows from its data root. */
async function networkTraces(root: string): Promise<string[]> {
  const name = networkName(join(root, "data"));
  const own = [name, ...(await bridgesOf(join(root, "data", "networks")))];
  const links = (await readdir("/sys/class/net")).filter((link) => own.includes(link));
  const { stdout } = await run(["nft", "list", "tables"]);
  const tables = stdout.split("\n").filter((line) => line.endsWith(` ${name}`));
  return [...links.map((link) => `link ${link}`), ...tables.map((table) => `rules ${table}`)];
}

/** The bridges of networks that the engine made and still has. */
async function bridgesOf(directory: string): Promise<string[]> {
  const files = (await readdir(directory).catch(() => [])).filter((file) => file.endsWith(".json"));
  const records = await Promise.all(files.map((file) => readFile(join(directory, file), "utf8")));
  return records
    .map((text) => JSON.parse(text) as { Driver: string; Link?: string; Adopted?: true })
    .flatMap(({ Driver, Link, Adopted }) => (Driver === "bridge" && Link && !Adopted ? [Link] : []));
}

/** The name of the bridge of an engine with this data root, and of its table of rules. */
function networkName(dataRoot: string): string {
  return `fathom-${createHash("sha256").update(dataRoot).digest("hex").slice(0, 8)}`;
}

async function cgroupsOf(ids: ReadonlySet<string>): Promise<string[]> {
  if (ids.size === 0) return [];
  const { stdout } = await run(["find", "/sys/fs/cgroup", "-mindepth", "2", "-type", "d"]);
  return stdout.split("\n").filter((path) => [...ids].some((id) => path.includes(id)));
}

/** Processes with the root in their arguments or a container's ID in their cgroup; not those that have ended. */
export async function processesOf({ root, ids }: Traces): Promise<{ pid: number; command: string }[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(
    pids.map(async (pid) => {
      const [command, cgroup] = await Promise.all([procText(pid, "cmdline"), procText(pid, "cgroup")]);
      const ours = command.includes(root) || [...ids].some((id) => cgroup.includes(id));
      return ours && pid !== process.pid && command !== ""
        ? [{ pid, command: command.replaceAll("\0", " ").trim() }]
        : [];
    }),
  );
  return found.flat();
}

async function procText(pid: number, name: string): Promise<string> {
  return readFile(`/proc/${pid}/${name}`, "utf8").catch(() => "");
}
