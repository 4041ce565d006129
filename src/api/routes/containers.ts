/** Container routes, and what they need of the engine behind them. */

import type { Duplex } from "node:stream";
import type {
  ContainerCreateRequest,
  ContainerCreateResponse,
  ContainerInspect,
  ContainerSummary,
  ContainerTop,
  ContainerWaitResponse,
} from "../../spec/docker.ts";

/** Docker's `filters` parameter after decoding: name to accepted values. */
export type Filters = Record<string, string[]>;

export type WaitCondition = "not-running" | "next-exit" | "removed";

export interface AttachOptions {
  /** Replay what the log holds before following. */
  logs: boolean;
  /** Follow live output; without it only the log is replayed and the stream ends. */
  stream: boolean;
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  /** Docker's notation, `ctrl-p,ctrl-q` when absent. Seen on a terminal's input they end the attachment, not the program. */
  detachKeys?: string;
}

/** Both directions of an attached program, in place before the promise that gave it resolved. */
export interface Attachment {
  /** True: output is a terminal's raw bytes. False: it is framed as Docker's multiplexed stream (8-byte headers). */
  tty: boolean;
  /**
   * Reading gives output and ends when the program has ended and all is delivered; writing feeds standard input; ending the
   * writable half closes standard input (half-close). Destroying it detaches.
   */
  stream: Duplex;
}

export interface LogOptions {
  follow: boolean;
  stdout: boolean;
  stderr: boolean;
  timestamps: boolean;
  details: boolean;
  /** Seconds since the epoch, with fraction; 0 for no bound. */
  since: number;
  until: number;
  /** Number of last lines, or all. */
  tail: number | "all";
}

/** Every id is an ID, an unambiguous prefix of one, or a name; not-found and conflict (ambiguous) errors are thrown. */
export interface ContainerBackend {
  create(
    request: ContainerCreateRequest,
    options: { name?: string; platform?: string },
  ): Promise<ContainerCreateResponse>;
  /** Throws `not-modified` when it runs already. */
  start(id: string): Promise<void>;
  /** `timeout` in seconds: -1 waits for ever, absent means the container's own. Throws `not-modified` when it is stopped. */
  stop(id: string, options: { signal?: string; timeout?: number }): Promise<void>;
  restart(id: string, options: { signal?: string; timeout?: number }): Promise<void>;
  kill(id: string, signal?: string): Promise<void>;
  /** Resolves to a promise of the exit once the wait is registered, so that headers can go out in between. */
  wait(
    id: string,
    condition: WaitCondition,
    signal: AbortSignal,
  ): Promise<{ exit: Promise<ContainerWaitResponse> }>;
  rename(id: string, name: string): Promise<void>;
  remove(id: string, options: { force: boolean; volumes: boolean; link: boolean }): Promise<void>;
  list(options: {
    all: boolean;
    limit: number;
    size: boolean;
    filters: Filters;
  }): Promise<ContainerSummary[]>;
  inspect(id: string, options: { size: boolean }): Promise<ContainerInspect>;
  /** The log as Docker streams it: raw when `tty`, framed otherwise. */
  logs(
    id: string,
    options: LogOptions,
    signal: AbortSignal,
  ): Promise<{ tty: boolean; output: AsyncIterable<Uint8Array> }>;
  attach(id: string, options: AttachOptions): Promise<Attachment>;
  resize(id: string, size: { height: number; width: number }): Promise<void>;
  top(id: string, psArgs: string): Promise<ContainerTop>;
}
