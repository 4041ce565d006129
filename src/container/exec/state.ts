/** An exec, from its making to some time after its end. */

import type { ExecCreateRequest } from "../../spec/docker.ts";

export interface Exec {
  readonly id: string;
  readonly containerId: string;
  readonly request: ExecCreateRequest & { Cmd: string[] };
  status: "created" | "running" | "ended";
  /** Null until it has ended. */
  exitCode: number | null;
  pid: number;
  /** Milliseconds since the epoch. */
  endedAt?: number;
}
