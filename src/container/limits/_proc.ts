/** Processes of a container, from proc(5). */

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

export interface ProcessRow {
  pid: number;
  ppid: number;
  uid: number;
  state: string;
  session: number;
  processGroup: number;
  foregroundGroup: number;
  threads: number;
  nice: number;
  lockedPages: boolean;
  /** Device number of the terminal, 0 for none. */
  tty: number;
  /** Clock ticks of processor time. */
  ticks: number;
  /** Clock ticks after boot. */
  startTicks: number;
  /** Bytes. */
  virtual: number;
  /** Kibibytes. */
  resident: number;
  command: string;
}

const CGROUPS = "/sys/fs/cgroup";
const PAGE_KIB = 4;

/** Every process in the control group of `pid` and in groups below it, by number. One that ends meanwhile is left out. */
export async function readProcesses(pid: number): Promise<ProcessRow[]> {
  const directory = await cgroupOf(pid);
  const pids = directory === undefined ? [pid] : await pidsIn(directory);
  const rows = await Promise.all(pids.map((one) => readProcess(one).catch(() => undefined)));
  return rows.filter((row) => row !== undefined).sort((a, b) => a.pid - b.pid);
}

/** The group that is the container's own: of the pids controller in version 1, else of version 2; see cgroups(7). */
async function cgroupOf(pid: number): Promise<string | undefined> {
  // It may have ended meanwhile.
  const text = await readFile(`/proc/${pid}/cgroup`, "utf8").catch(() => "");
  const lines = text
    .trim()
    .split("\n")
    .map((line) => /^\d+:([^:]*):(.*)$/.exec(line) ?? []);
  const v1 = lines.find(([, controllers = ""]) => controllers.split(",").includes("pids"));
  const [, controller, path = "/"] = v1 ?? lines.find(([, controllers]) => controllers === "") ?? [];
  if (path === "/") return undefined;
  return join(CGROUPS, controller ?? "", path);
}

/** A group that vanishes meanwhile holds none. */
async function pidsIn(directory: string): Promise<number[]> {
  const [own, entries] = await Promise.all([
    readFile(join(directory, "cgroup.procs"), "utf8").catch(() => ""),
    readdir(directory, { withFileTypes: true }).catch(() => []),
  ]);
  const below = entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => pidsIn(join(directory, entry.name)));
  return [...own.split("\n").filter(Boolean).map(Number), ...(await Promise.all(below)).flat()];
}

async function readProcess(pid: number): Promise<ProcessRow> {
  const [stat, status, commandLine] = await Promise.all([
    readFile(`/proc/${pid}/stat`, "utf8"),
    readFile(`/proc/${pid}/status`, "utf8"),
    readFile(`/proc/${pid}/cmdline`, "utf8"),
  ]);
  const nameEnd = stat.lastIndexOf(")");
  const name = stat.slice(stat.indexOf("(") + 1, nameEnd);
  const [state = "?", ...fields] = stat.slice(nameEnd + 2).split(" ");
  // proc(5) counts fields from 1, the state being the third.
  const field = (number: number) => Number(fields[number - 4] ?? 0);
  return {
    pid,
    state,
    ppid: field(4),
    processGroup: field(5),
    session: field(6),
    tty: field(7),
    foregroundGroup: field(8),
    ticks: field(14) + field(15),
    nice: field(19),
    threads: field(20),
    startTicks: field(22),
    virtual: field(23),
    resident: field(24) * PAGE_KIB,
    uid: Number(/^Uid:\s+\d+\s+(\d+)/m.exec(status)?.[1] ?? 0),
    lockedPages: !/^VmLck:\s+0 kB/m.test(status) && /^VmLck:/m.test(status),
    command: commandLine.replaceAll("\0", " ").trim() || `[${name}]`,
  };
}
