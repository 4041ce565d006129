/**
 * What containers need of the rest of the engine. The daemon hands in what satisfies it.
 *
 * Declared by the consumer: a container knows nothing of how layers are stored, how a shim is reached or who listens to events.
 */

import type { Duplex } from "node:stream";
import type { ExecLaunch, ExitRecord, Launch, Target } from "../shim/protocol.ts";
import type { Digest, ImageConfig } from "../spec/oci_image.ts";
import type { Step } from "../spec/receipt.ts";

/** Images, and the writable snapshot that each container has on top of one. */
export interface Images {
  /** By reference, ID or unambiguous prefix. Throws not-found with Docker's wording (`No such image: x:latest`). */
  resolve(name: string): Promise<{ id: Digest; config: ImageConfig }>;
  /** Makes the container's snapshot directories; nothing is mounted yet. The image cannot be removed while it exists. */
  prepare(containerId: string, image: Digest, options: PrepareOptions): Promise<void>;
  /** Mounts the snapshot at the container's rootfs directory and gives that path; mounting a mounted one is no error. */
  mount(containerId: string): Promise<string>;
  /** Undoes mount; no error when it is not mounted. */
  unmount(containerId: string): Promise<void>;
  /** Removes the snapshot with all that was written to it. */
  remove(containerId: string): Promise<void>;
  /** A file of the mounted snapshot, its path resolved inside the root whatever its links say; undefined when absent. */
  readFile(containerId: string, path: string): Promise<string | undefined>;
  /** Docker's GraphDriver of the snapshot. */
  graphDriver(containerId: string): Promise<{ Name: string; Data: Record<string, string> | null }>;
  /** Bytes written by the container, and bytes of the whole. */
  sizes(containerId: string): Promise<{ rw: number; rootfs: number }>;
}

interface PrepareOptions {
  /** The container goes when it ends (`--rm`): what it writes need not outlast a crash of the host. */
  disposable: boolean;
}

/** A connected shim. */
export interface Shim {
  /** Its own process, and how to find it again. */
  readonly pid: number;
  readonly socket: string;
  /** Starts the container; throws with the kind and `exitCode` of the failure (see ShimError in shim/client.ts). */
  launch(launch: Launch): Promise<{ pid: number; startedAt: string }>;
  exec(exec: ExecLaunch): Promise<{ pid: number; startedAt: string }>;
  signal(signal: number, target: Target): Promise<void>;
  resize(size: { columns: number; rows: number }, target: Target): Promise<void>;
  /** Output in `stream` begins right behind that byte of the log file with inode `logFile` (absent where there is no log). */
  attach(options: AttachRequest): Promise<{ stream: Duplex; logOffset: number; logFile?: number }>;
  /** The container's end; rejects when the shim is lost before it told one. */
  readonly exited: Promise<ExitRecord>;
  /** The exit code of an exec that was started over any connection. */
  execExited(id: string): Promise<number>;
  /** What runs in it, for a daemon that connects anew. */
  readonly running: { id: string; pid: number; startedAt: string } | undefined;
  /** Lets go of the connection; the shim goes on if it has launched. */
  close(): void;
}

export interface AttachRequest {
  target: Target;
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  detachKeys?: string;
}

export interface Shims {
  /** A fresh shim, at once where one was kept ready. Steps of making it belong to the receipt that is current. */
  take(): Promise<Shim>;
  /** The shim on a socket recorded earlier; undefined when nobody answers. */
  connect(socket: string): Promise<Shim | undefined>;
}

/** Where container events go. They report; they never drive. */
export type Emit = (event: { action: string; id: string; attributes: Record<string, string> }) => void;

/** Receipts of containers. */
export interface Receipts {
  /** Runs work so that its steps join the container's receipt, and appends them to its file. */
  record<T>(containerId: string, work: () => Promise<T>): Promise<T>;
  append(containerId: string, steps: Step[]): Promise<void>;
}

/** Kills whatever still runs in the control group of a container whose shim is gone, and removes the group; no error when none. */
export type KillLeftovers = (containerId: string) => Promise<void>;

/** Runs a program of the host to its end; undefined when it is not installed. */
export type RunProgram = (
  command: readonly string[],
) => Promise<{ exitCode: number; stdout: string; stderr: string } | undefined>;
