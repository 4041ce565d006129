/**
 * What the daemon and a shim say to each other: one discriminated union each way, one file.
 *
 * A shim listens on a unix socket of mode 0600 in a directory of mode 0700. Each message is one line of JSON. A connection is one
 * of two kinds, by its first line:
 *
 * - a control connection (`hello`): requests with a number, each answered once by a reply with that number, and notices that the
 *   shim sends by itself. The daemon keeps one; a new daemon connects anew and gets a `state` notice at once.
 * - a stream connection (`attach`): one line of reply, then raw bytes both ways. From the shim: program output, framed as Docker's
 *   multiplexed stream unless the program has a terminal. To the shim: standard input; the end of that half closes it.
 *
 * A shim that was started ahead of need (no `launch` yet) ends when its control connection ends. One that has launched goes on
 * without the daemon until its container has ended, its exit record is on disk and its attachments are served.
 *
 * A shim serves one container after another: after the end of one a `reset` makes it what it was before any `launch`. What is said
 * carries the number of the turn that it is meant for, counted from 0 by the shim, so that what comes late never reaches the
 * container that came next. A shim that is not asked for a reset ends.
 *
 * A shim is of the build that started it, and lives on under daemons of later builds, or of earlier ones again. So:
 * - A field may be added; it is optional, and without it all is as it was before. Fields that are not known are passed over.
 * - A message may be added. A notice that a daemon does not know it passes over; a request that a shim does not know it answers
 *   with `failed`, so a daemon sends one only where `failed` is an answer it can live with, or `protocol` says that it is known.
 * - No message or field is taken away or comes to mean something else. Where that cannot be helped, it gets another name.
 * - PROTOCOL goes up with each addition that the other side has to know of.
 * The same rules hold for exit.json, and for what a shim hands itself when it dozes (_doze.ts): its program may have been replaced
 * on disk meanwhile, and the one that goes on is then of another build.
 */

import type { LogTarget } from "../logs/target.ts";
import type { Process } from "../spec/oci_runtime.ts";
import type { ErrorKind } from "../std/errors.ts";

/**
 * What this build speaks. 1 had no number; 2 says it, and how a program ended (`signal`, `memory` of ExitRecord); 3 resolves names
 * (`names`); 4 rehearses when it is told to.
 */
export const PROTOCOL = 4;

/** Signals are numbers; paths are absolute; sizes are columns and rows. */
export type Request =
  | { type: "launch"; launch: Launch }
  | { type: "exec"; exec: ExecLaunch }
  /** `disposes`: the container goes when it ends by this, and its exit record need not survive the end of the system. */
  | { type: "signal"; signal: number; target: Target; disposes?: boolean }
  /** The container has ended and the daemon knows; done when its attachments are served and nothing of it is left. */
  | { type: "reset" }
  /** Nobody waits for this shim: it has the time to rehearse a start. Done at once. */
  | { type: "rehearse" }
  /** Resolves names for the container from now on; done at once where that is so already. */
  | { type: "names"; names: Names }
  | { type: "resize"; columns: number; rows: number; target: Target };

/** The container's own program, or one of its execs. */
export type Target = { exec?: string };

/** Everything the shim needs to run a container; all else it reads from the bundle's config.json. */
export interface Launch {
  id: string;
  /** Directory with the OCI config.json. */
  bundle: string;
  /** `native`, or the path of another OCI runtime's program. */
  runtime: string;
  /** Directory in which the runtime keeps what serves other containers as well. */
  cache?: string;
  /** Keep standard input open for attachments (docker run -i). */
  openStdin: boolean;
  /** Close standard input when the first attachment that had it ends its half. */
  stdinOnce: boolean;
  /** Size of the terminal at start, where `process.terminal` is set. */
  size?: { columns: number; rows: number };
  log: LogTarget;
  /** Where the exit record is written: temporary name, fsync, rename. */
  exitFile: string;
  /** The container goes when it ends: its exit record need not survive the end of the system. */
  disposable: boolean;
  /** JSON lines of steps, appended to. */
  receiptFile: string;
  /** Stream connections that must have come in before the program starts. */
  attachments: number;
  /** Of a container that finds names by a resolver of ours. */
  names?: Names;
}

/** What a container's resolver needs (dns/contract.ts). */
export interface Names {
  /** Where the container's network namespace is kept. */
  namespace: string;
  /** Its table. */
  table: string;
}

export interface ExecLaunch {
  id: string;
  /** OCI runtime-spec `process`. */
  process: Process;
  openStdin: boolean;
  size?: { columns: number; rows: number };
  attachments: number;
  /** Nothing else is expected for some time when it has ended: the shim may doze without waiting for quiet. */
  restAfter?: boolean;
}

export type Hello = { type: "hello"; protocol?: number };

/** First line of a stream connection. It may come before the launch or exec it belongs to, which then counts it. */
export type Attach = {
  type: "attach";
  turn: number;
  target: Target;
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  /** Docker's notation; seen on a terminal's input they end the attachment. Absent: ctrl-p,ctrl-q. */
  detachKeys?: string;
};

/**
 * The reply to `attach`: live output begins right behind this byte of the log file, so that log and stream join without a gap.
 * A line that the program has begun and not ended is not in the log yet; it is the first of the live output. `logFile` is the
 * identity of the file that is meant, as rotation may have renamed it meanwhile; absent where there is no log.
 */
export type Attached =
  | { type: "attached"; logOffset: number; logFile?: string }
  | { type: "refused"; message: string };

export type Reply =
  | { type: "launched"; pid: number; startedAt: string }
  | { type: "done" }
  /** `code` is the exit status Docker gives the failure: 126, 127, or 128 for others. */
  | { type: "failed"; message: string; code: number; kind?: ErrorKind };

export type Notice =
  /** Sent first on every control connection. */
  | {
      type: "state";
      protocol?: number;
      /** The shim's own process. */
      shim: number;
      turn: number;
      launched?: { id: string; pid: number; startedAt: string };
      execs: { id: string; pid: number }[];
      exit?: ExitRecord;
    }
  | { type: "exit"; exit: ExitRecord }
  | { type: "exec-exit"; id: string; exitCode: number }
  /** Somebody has typed the keys that end an attachment. */
  | { type: "detached"; target: Target };

/** How a container ended; also the contents of exit.json. */
export interface ExitRecord {
  /** The program's status, or 128 + the signal that ended it. */
  exitCode: number;
  oomKilled: boolean;
  startedAt: string;
  finishedAt: string;
  /** The signal that ended it; absent where it ended by itself. */
  signal?: number;
  memory?: MemoryUse;
}

/** What its control group had come to, read before that went. Bytes. */
export interface MemoryUse {
  peak: number;
  /** Absent: none. */
  limit?: number;
  /** How often its own limit held it up: 0 where another group's did, or the host's memory. */
  hits: number;
}

/** A message as it stands on the wire. */
export type FromDaemon = Hello | Attach | (Request & { seq: number; turn: number });
export type FromShim = Attached | Notice | (Reply & { seq: number });
