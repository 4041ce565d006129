/** Processes as `ps -ef` and `ps aux` show them, ps(1) of procps. */

import { readFile } from "node:fs/promises";
import { totalmem } from "node:os";
import type { ContainerTop } from "../../spec/docker.ts";
import { ifAbsent } from "../../std/absent.ts";
import type { ProcessRow } from "./_proc.ts";

/** USER_HZ: what proc(5) counts time in, 100 on every architecture Linux runs on here. */
const TICKS = 100;
const DAY = 86_400_000;

export async function fullTable(rows: ProcessRow[]): Promise<ContainerTop> {
  const host = await readHostFacts();
  return {
    Titles: ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"],
    Processes: rows.map((row) => [
      host.userName(row.uid),
      String(row.pid),
      String(row.ppid),
      String(Math.min(99, Math.trunc(usage(row, host)))),
      startText(host.boot + (row.startTicks / TICKS) * 1000),
      ttyName(row.tty),
      clock(Math.trunc(row.ticks / TICKS)),
      row.command,
    ]),
  };
}

export async function auxTable(rows: ProcessRow[]): Promise<ContainerTop> {
  const host = await readHostFacts();
  return {
    Titles: ["USER", "PID", "%CPU", "%MEM", "VSZ", "RSS", "TTY", "STAT", "START", "TIME", "COMMAND"],
    Processes: rows.map((row) => [
      host.userName(row.uid),
      String(row.pid),
      usage(row, host).toFixed(1),
      ((row.resident * 1024 * 100) / totalmem()).toFixed(1),
      String(Math.trunc(row.virtual / 1024)),
      String(row.resident),
      ttyName(row.tty),
      stateText(row),
      startText(host.boot + (row.startTicks / TICKS) * 1000),
      `${Math.trunc(row.ticks / TICKS / 60)}:${two(Math.trunc(row.ticks / TICKS) % 60)}`,
      row.command,
    ]),
  };
}

interface HostFacts {
  /** Milliseconds since the epoch. */
  boot: number;
  userName: (uid: number) => string;
}

async function readHostFacts(): Promise<HostFacts> {
  const [uptime, passwd] = await Promise.all([
    readFile("/proc/uptime", "utf8"),
    readFile("/etc/passwd", "utf8").catch(ifAbsent("")),
  ]);
  const names = new Map(passwd.split("\n").map((line) => [line.split(":")[2], line.split(":")[0]]));
  return {
    boot: Date.now() - Number(uptime.split(" ")[0]) * 1000,
    userName: (uid) => names.get(String(uid)) ?? String(uid),
  };
}

/** Per cent of one processor, over the life of the process. */
function usage(row: ProcessRow, { boot }: HostFacts): number {
  const lived = (Date.now() - boot) / 1000 - row.startTicks / TICKS;
  return lived > 0 ? ((row.ticks / TICKS) * 100) / lived : 0;
}

/** Major and minor of a terminal as its name in /dev; `?` for none. */
function ttyName(device: number): string {
  const major = (device >> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >> 12) & 0xfff00);
  if (major >= 136 && major <= 143) return `pts/${(major - 136) * 256 + minor}`;
  return major === 4 ? `tty${minor}` : "?";
}

/** The hour on the first day, the month and day after that. */
function startText(time: number): string {
  const date = new Date(time);
  if (Date.now() - time < DAY) return `${two(date.getHours())}:${two(date.getMinutes())}`;
  return `${date.toLocaleString("en", { month: "short" })}${two(date.getDate())}`;
}

function clock(seconds: number): string {
  return [seconds / 3600, (seconds / 60) % 60, seconds % 60].map((part) => two(Math.trunc(part))).join(":");
}

/** The state's letter and the marks that ps adds. */
function stateText(row: ProcessRow): string {
  const marks: [boolean, string][] = [
    [row.nice < 0, "<"],
    [row.nice > 0, "N"],
    [row.lockedPages, "L"],
    [row.session === row.pid, "s"],
    [row.threads > 1, "l"],
    [row.foregroundGroup === row.processGroup, "+"],
  ];
  return row.state + marks.map(([holds, mark]) => (holds ? mark : "")).join("");
}

function two(number: number): string {
  return String(number).padStart(2, "0");
}
