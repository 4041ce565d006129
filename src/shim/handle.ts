/** What the daemon holds of a shim, and of all of them: the contract between shim/client.ts and whoever runs containers. */

import type { Duplex } from "node:stream";
import type { ExecLaunch, ExitRecord, Launch, Names, Target } from "./protocol.ts";

/** A shim that was taken for one container, or found with one. */
export interface Shim {
  /** Its own process, and how to find it again. */
  readonly pid: number;
  readonly socket: string;
  /** Starts the container; throws with the kind and `exitCode` of the failure (see ShimError in shim/client.ts). */
  launch(launch: Launch): Promise<{ pid: number; startedAt: string }>;
  exec(exec: ExecLaunch): Promise<{ pid: number; startedAt: string }>;
  /** `disposes`: see protocol.ts. */
  signal(signal: number, target: Target, options?: { disposes: boolean }): Promise<void>;
  resize(size: { columns: number; rows: number }, target: Target): Promise<void>;
  /** Resolves names for a container that was started without. @throws {ShimError} unsupported, by a shim of an earlier build. */
  resolve(names: Names): Promise<void>;
  /** Output in `stream` begins right behind that byte of the log file with inode `logFile` (absent where there is no log). */
  attach(options: AttachRequest): Promise<{ stream: Duplex; logOffset: number; logFile?: string }>;
  /** The container's end; rejects when the shim is lost before it told one. */
  readonly exited: Promise<ExitRecord>;
  /** The exit code of an exec that was started over any connection. */
  execExited(id: string): Promise<number>;
  /** Has a listener told whenever somebody types the keys that end an attachment; one listener. */
  onDetach(listener: (target: Target) => void): void;
  /** What runs in it, for a daemon that connects anew. */
  readonly running: { id: string; pid: number; startedAt: string } | undefined;
  /**
   * Lets go of it, once. A shim with a container goes on; one whose container has ended may be given to another, and one that
   * has had none ends.
   */
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
  /** A shim without a container, at once where one was kept ready. Steps of making one belong to the receipt that is current. */
  take(): Promise<Shim>;
  /** The shim on a socket recorded earlier; undefined when nobody answers. */
  connect(socket: string): Promise<Shim | undefined>;
}
