/**
 * Dozing: a shim whose container is quiet gives its memory back.
 *
 * Memory that a JavaScript heap has once had does not come back, so the process starts its own program anew in its place
 * (execve(2)): same PID, same children, same descriptors, and next to nothing loaded. It waits there until one of the descriptors
 * has something to tell, and only then loads the shim again, which goes on where it was. Nobody notices: whoever connects or
 * writes meanwhile is in the kernel's queues, and so is what the container writes.
 */

import { closeSync, openSync, readFileSync, readlinkSync, rmSync, writeSync } from "node:fs";
import { replaceProcess } from "../kernel/replace.ts";
import type { ContainerHandover } from "./_container.ts";
import { namesVariable } from "./_dozing_names.ts";
import { flushReceipts, recordNow } from "./_files.ts";
import type { Server, ServerHandover } from "./_server.ts";
import { NOT_FOR_US } from "./_signals.ts";
import type { Turns, TurnsHandover } from "./_turns.ts";

/** How long it must have been quiet at first, in milliseconds. */
export const PATIENCE = 3000;
/** It is not waited for longer than this. */
const MOST_PATIENCE = 5 * 60_000;
/** How long after the last of a rest that was announced, in milliseconds: connections are closed meanwhile. */
const SOON = 250;
/** A doze this much longer than the patience before it was worth its while. */
const WORTH = 10;

/** Everything the next image of this process needs to know. */
export interface Handover {
  server: ServerHandover;
  turns: TurnsHandover;
  /** How long it was quiet before, in milliseconds, and since when it dozes, in milliseconds since the epoch. */
  patience: number;
  since: number;
}

/** The parts of a shim. */
export interface Shim {
  path: string;
  turns: Turns;
  server: Server;
}

/** Lets the shim doze whenever nothing has come or gone for a while: `first` for a new container, `patience` for the present one. */
export function dozeWhenQuiet(shim: Shim, first: number, patience = first): void {
  let { container } = shim.turns;
  let seen = -1;
  const look = (): void => {
    if (shim.turns.container !== container) patience = first;
    container = shim.turns.container;
    const activity = shim.server.received + container.activity;
    if (activity === seen) doze(shim, patience);
    seen = activity;
    setTimeout(look, patience).unref();
  };
  setTimeout(look, patience).unref();
  shim.turns.onRest = (): void => {
    const before = shim.turns.container.activity;
    const rest = (): void => {
      if (shim.turns.container.activity === before) doze(shim, first);
    };
    setTimeout(rest, Math.min(SOON, first)).unref();
  };
}

/** Patience after a doze: more where it was short, so that what wakes a shim often does not find it dozing every time. */
export function patienceAfter({ patience, since }: Handover, first: number): number {
  const slept = Date.now() - since;
  return slept > patience * WORTH ? first : Math.min(patience * 2, MOST_PATIENCE);
}

/** Replaces this process, or returns where that is not to be. */
function doze({ path, turns, server }: Shim, patience: number): void {
  const [sockets, turn] = [server.handover, turns.handover];
  if (sockets === undefined || turn === undefined || adoptsOrphans(turn.container)) return;
  flushReceipts();
  const memory = keepInFile(`${path}.doze`, { server: sockets, turns: turn, patience, since: Date.now() });
  const watched = watchedBy(sockets, turn.container);
  const { stdin } = turn.container.streams.ends;
  const { names } = turn.container;
  const kept = [stdin, names?.sockets.namespace].filter((fd) => fd !== undefined);
  const keep = [memory, ...watched, ...kept];
  const argv = [...ownCommand(), "--socket", path, "--resume", String(memory), watched.join(",")];
  const environment = [
    `PATH=${process.env.PATH}`,
    ...(names === undefined ? [] : [namesVariable({ ...names.sockets, table: names.table, kept: keep })]),
  ];
  try {
    recordNow(turn.container.launch.receiptFile, () =>
      replaceProcess(argv, { keep, ignore: Object.values(NOT_FOR_US), environment }),
    );
  } catch (error) {
    // It goes on as it is, only larger.
    turns.container.trouble(error);
    closeSync(memory);
  }
}

/** What wakes it: a connection, a message or the daemon's end; output or its end; a question of names; the end of the program. */
function watchedBy(
  { listener, controls }: ServerHandover,
  { pidfd, streams, names }: ContainerHandover,
): number[] {
  const outputs = [streams.ends.stdout, streams.ends.stderr].filter((fd) => fd !== undefined);
  const questions = names === undefined ? [] : [names.sockets.udp, names.sockets.tcp];
  return [listener, ...controls, pidfd, ...outputs, ...questions];
}

/** In the host's PID namespace the container's orphans become ours, and somebody has to reap them. */
function adoptsOrphans({ pid }: ContainerHandover): boolean {
  const namespaceOf = (process: number | "self"): string => readlinkSync(`/proc/${process}/ns/pid`);
  try {
    return namespaceOf(pid) === namespaceOf("self");
  } catch {
    // It has just ended.
    return true;
  }
}

/** What this process was started with, up to the options of its role. */
function ownCommand(): string[] {
  const words = readFileSync("/proc/self/cmdline", "utf8").split("\0");
  return words.slice(0, words.indexOf("--socket"));
}

/** A file without a name, written and at its beginning. */
function keepInFile(path: string, handover: Handover): number {
  const fd = openSync(path, "wx+", 0o600);
  rmSync(path);
  writeSync(fd, JSON.stringify(handover), 0);
  return fd;
}

/** Reads what the image before this one has left, and closes it. */
export function readHandover(fd: number): Handover {
  const handover: Handover = JSON.parse(readFileSync(fd, "utf8"));
  closeSync(fd);
  return handover;
}
