/** An exec, from its making to some time after its end. */

import type { Duplex } from "node:stream";
import type { ExecCreateRequest } from "../../spec/docker.ts";

export interface Exec {
  readonly id: string;
  readonly containerId: string;
  readonly request: ExecCreateRequest & { Cmd: string[] };
  status: "created" | "running" | "ended";
  /** Null until it has ended. */
  exitCode: number | null;
  pid: number;
  /** Of whoever attached to it, while it has not ended. */
  stream?: Duplex | undefined;
  /** Resolves when it is known to have ended, or to have been detached from. */
  readonly settled: PromiseWithResolvers<void>;
  /** Milliseconds since the epoch. */
  endedAt?: number;
}
