/** What the query of a request about a container asks for, decoded: names and defaults are the Docker Engine API's. */

export type WaitCondition = "not-running" | "next-exit" | "removed";

export interface StopOptions {
  /** Instead of the container's own. */
  signal?: string;
  /** Seconds; -1 waits for ever; absent: the container's own. */
  timeout?: number;
}

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

export interface LogOptions {
  follow: boolean;
  stdout: boolean;
  stderr: boolean;
  timestamps: boolean;
  details: boolean;
  /** Nanoseconds since the epoch; 0 for no bound. Both bounds are inclusive. */
  since: bigint;
  until: bigint;
  /** Number of last lines, or all. */
  tail: number | "all";
}
