/**
 * What is kept of containers on disk: one directory each, plain JSON that a person can read.
 *
 * `config.json` and `hostconfig.json` are written when the container is made, `state.json` whenever its state changes; each goes
 * to a temporary name first and is renamed. A file whose loss in a power cut would lose a container is fsynced before. Not so:
 * those of a container that is removed when it ends (`--rm`), since a power cut ends it; and the state of one that runs, since
 * a power cut makes it untrue.
 */

import type { Dirent } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ExitRecord, MemoryUse } from "../shim/protocol.ts";
import type { ContainerStatus, HealthState } from "../spec/docker.ts";
import type { EndpointRequest } from "../spec/docker_network.ts";
import type { Digest } from "../spec/oci_image.ts";
import type { IdMaps } from "../spec/oci_runtime.ts";
import { messageOf } from "../std/errors.ts";
import type { FullConfig } from "./config.ts";
import { exists } from "./exists.ts";
import type { FullHostConfig } from "./host_config.ts";
import type { MountRecord } from "./mounts/record.ts";

/** `config.json`: what does not change after the container was made, but for its name. */
export interface ConfigRecord {
  Id: string;
  /** Without the slash that Docker shows before it. */
  Name: string;
  Created: string;
  Image: Digest;
  Config: FullConfig;
  MountPoints: MountRecord[];
  /** What was asked of single networks, by name; absent where nothing was. */
  Endpoints?: Record<string, EndpointRequest>;
  /** Containers it knows by an alias, by ID. */
  Links?: { Id: string; Alias: string }[];
  /** The users of the host as whom the container's appear; absent: it has no user namespace of its own. */
  IdMaps?: IdMaps;
}

/** `state.json`. */
export interface StateRecord {
  Status: ContainerStatus;
  Pid: number;
  ExitCode: number;
  Error: string;
  OOMKilled: boolean;
  StartedAt: string;
  FinishedAt: string;
  RestartCount: number;
  /** A user ended it: `unless-stopped` leaves it so. */
  ManuallyStopped: boolean;
  /** Of one with a health check, since its first start. */
  Health?: HealthState;
  /** Where to find the process that looks after it, and in which boot of the host; null when there is none. */
  Shim: { Pid: number; Socket: string; Boot?: string } | null;
  /** What had it paused, where that was the engine itself, which lets it go on. */
  PausedFor?: "commit" | undefined;
  /** How its last run ended, beyond the exit code; absent while none has. */
  Ending?: EndingRecord | undefined;
  /** The last signal that somebody asked this engine for, in this run. */
  Asked?: { Request: string; Signal: number; At: string } | undefined;
}

/** `program`: by itself; `signal`: by one; `lost`: nobody saw it; `not-started`: there was no run. */
export interface EndingRecord {
  Cause: "program" | "signal" | "lost" | "not-started";
  Signal?: number;
  Memory?: MemoryUse;
}

export interface ContainerRecord {
  config: ConfigRecord;
  host: FullHostConfig;
  state: StateRecord;
}

/** Docker's word for never. */
export const NEVER = "0001-01-01T00:00:00Z";

export const FRESH_STATE: StateRecord = {
  Status: "created",
  Pid: 0,
  ExitCode: 0,
  Error: "",
  OOMKilled: false,
  StartedAt: NEVER,
  FinishedAt: NEVER,
  RestartCount: 0,
  ManuallyStopped: false,
  Shim: null,
};

/** The files of one container. */
export interface RecordPaths {
  directory: string;
  config: string;
  hostConfig: string;
  state: string;
  /** Written by the shim. */
  exit: string;
  receipt: string;
  log: string;
  /** Of the local driver. */
  localLog: string;
  /** What `logs` reads where the driver sends elsewhere. */
  cachedLog: string;
  hostname: string;
  hosts: string;
  resolv: string;
  /** Where the shared memory is mounted that a container lets others join. */
  shm: string;
}

/** `root` is the directory of all containers. */
export function recordPaths(root: string, id: string): RecordPaths {
  const directory = join(root, id);
  return {
    directory,
    config: join(directory, "config.json"),
    hostConfig: join(directory, "hostconfig.json"),
    state: join(directory, "state.json"),
    exit: join(directory, "exit.json"),
    receipt: join(directory, "receipt.jsonl"),
    log: join(directory, `${id}-json.log`),
    localLog: join(directory, "local-logs", "container.log"),
    cachedLog: join(directory, "container-cached.log"),
    hostname: join(directory, "hostname"),
    hosts: join(directory, "hosts"),
    resolv: join(directory, "resolv.conf"),
    shm: join(directory, "shm"),
  };
}

/** Names the anonymous volumes that go with what is in the directory, while it is not the directory of a whole container. */
export function anonymousNote({ directory }: RecordPaths): string {
  return join(directory, "anonymous-volumes.json");
}

/** Writes `value` so that a reader sees the old file or the new one, and with `sync` so that a power cut does, too. */
export async function writeJson(path: string, value: unknown, options: { sync: boolean }): Promise<void> {
  const temporary = `${path}.tmp`;
  await writeFile(temporary, jsonText(value), { mode: 0o600, flush: options.sync });
  await rename(temporary, path);
}

/** Writes a file of a container that is being made: nobody reads it before config.json is there. */
export async function writeFirst(path: string, value: unknown, { sync }: { sync: boolean }): Promise<void> {
  await writeFile(path, jsonText(value), { mode: 0o600, flush: sync });
}

function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Makes what was renamed in a directory last through a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** What was found of one container. */
export type Found =
  | {
      kind: "whole";
      id: string;
      record: ContainerRecord /** What is wrong with its state. */;
      damage?: string;
    }
  /** A file is torn or not ours: the container can only be removed. */
  | { kind: "damaged"; id: string; damage: string }
  /** No config.json, which is written last: a crash cut its making short, and nobody was told of it. */
  | { kind: "unfinished"; id: string };

/** Every container below `root`, however damaged. */
export async function readRecords(root: string): Promise<Found[]> {
  await mkdir(root, { recursive: true, mode: 0o700 });
  const entries = await readdir(root, { withFileTypes: true });
  const ids = entries.filter((entry) => /^[0-9a-f]{64}$/.test(entry.name));
  return Promise.all(
    ids.map((entry) => (entry.isDirectory() ? readRecord(root, entry.name) : strange(root, entry))),
  );
}

/** What is no directory may stand for one that somebody has moved; nothing is read through it, and nothing behind it removed. */
function strange(root: string, entry: Dirent): Found {
  const what = entry.isSymbolicLink() ? "a symbolic link" : "a file";
  const damage = `${join(root, entry.name)} is ${what} and no directory; to move a container, bind its directory there`;
  return { kind: "damaged", id: entry.name, damage };
}

async function readRecord(root: string, id: string): Promise<Found> {
  const paths = recordPaths(root, id);
  try {
    const [config, host, state] = await Promise.all([
      readJson(paths.config, isConfigRecord),
      readJson(paths.hostConfig, isHostRecord),
      readJson(paths.state, isStateRecord).catch(messageOf),
    ]);
    if (config.Id !== id) throw new Error(`${paths.config} is of another container`);
    if (typeof state !== "string")
      return { kind: "whole", id, record: { config, host, state: wholeState(state) } };
    return { kind: "whole", id, record: { config, host, state: lostState(state) }, damage: state };
  } catch (error) {
    const unfinished = !(await exists(paths.config));
    return unfinished ? { kind: "unfinished", id } : { kind: "damaged", id, damage: messageOf(error) };
  }
}

/** The state is not fsynced while a container runs: lost in a power cut, it is known that nothing runs. */
function lostState(damage: string): StateRecord {
  return {
    ...FRESH_STATE,
    Status: "exited",
    ExitCode: LOST_EXIT_CODE,
    Error: `the state was lost: ${damage}`,
  };
}

/** Another build may have written fewer fields, which are as in a new container, or more, which stay as they are. */
function wholeState(state: StateRecord): StateRecord {
  return { ...FRESH_STATE, ...state };
}

/** The exit code of a container of which nobody saw the end, Docker's. */
export const LOST_EXIT_CODE = 255;

/** The shim's record of a container's end; undefined when it left none, or one that cannot be read: that end is lost. */
export async function readExit(path: string): Promise<ExitRecord | undefined> {
  return readJson(path, isExitRecord).catch(() => undefined);
}

/** Forgets the end of an earlier run, so that it cannot be taken for that of the next. */
export async function removeExit(path: string): Promise<void> {
  await rm(path, { force: true });
}

async function readJson<T>(path: string, is: (value: unknown) => value is T): Promise<T> {
  const text = await readFile(path, "utf8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Error(`${path} is torn`, { cause });
  }
  if (!is(value)) throw new Error(`${path} is not what Fathom writes`);
  return value;
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function isConfigRecord(value: unknown): value is ConfigRecord {
  const { Id, Name, Created, Image, Config, MountPoints } = fieldsOf(value);
  const texts = [Id, Name, Created, Image].every((field) => typeof field === "string");
  return texts && typeof Config === "object" && Config !== null && Array.isArray(MountPoints);
}

function isHostRecord(value: unknown): value is FullHostConfig {
  const { NetworkMode, RestartPolicy, AutoRemove, LogConfig } = fieldsOf(value);
  const objects = [RestartPolicy, LogConfig].every((field) => typeof field === "object" && field !== null);
  return objects && typeof NetworkMode === "string" && typeof AutoRemove === "boolean";
}

function isStateRecord(value: unknown): value is StateRecord {
  const { Status, Pid, ExitCode } = fieldsOf(value);
  return typeof Status === "string" && typeof Pid === "number" && typeof ExitCode === "number";
}

function isExitRecord(value: unknown): value is ExitRecord {
  const { exitCode, finishedAt } = fieldsOf(value);
  return typeof exitCode === "number" && typeof finishedAt === "string";
}
