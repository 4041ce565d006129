/** What a runtime does, whoever does it: this engine itself (native.ts) or crun and runc (adapter.ts). */

import type { Cgroup } from "../kernel/mod.ts";
import type { Process } from "../spec/oci_runtime.ts";
import { type ErrorKind, FathomError } from "../std/errors.ts";

/**
 * Runs containers from OCI bundles.
 *
 * A runtime holds nothing between calls but what it hands out: a `Running` is passed back in to `exec` and `remove`. All of it
 * happens in the process that is to be the parent of the container, which reaps it: `wait4` on `pid` once `pidfd` is readable.
 *
 *     const runtime = await runtimeFor("native");
 *     const running = await runtime.run({ id, bundle }, { stdin, stdout, stderr });
 *     … until running.pidfd is readable, then wait4(running.pid) …
 *     await runtime.remove(running);
 */
export interface Runtime {
  /**
   * Makes the container of a bundle and starts its program.
   *
   * @throws {RuntimeError} when the program cannot be executed, or the container not be made. No process, cgroup or mount is left.
   */
  run(container: Bundle, stdio: Stdio): Promise<Running>;
  /**
   * Starts another program in a running container.
   *
   * @throws {RuntimeError} when it cannot be executed; the container is as it was.
   */
  exec(running: Running, process: Process, stdio: Stdio): Promise<Started>;
  /**
   * Removes what is left when the container's first process has been reaped: kills what still runs in its cgroup, then removes
   * that. The descriptors that `run` handed out stay the caller's.
   */
  remove(running: Running): Promise<void>;
}

export interface Bundle {
  /** The container's name for the runtime; letters, digits, `_.-`. */
  id: string;
  /** Directory that holds config.json; a relative `root.path` is taken from here. */
  bundle: string;
  /** Directory with config.json as it was when the container was made; absent: the bundle's own does not change. */
  copy?: string | undefined;
  /** Directory for what is computed for one container and serves others as well; only root can write there. */
  cache?: string | undefined;
}

/** Where a program's standard streams go: three open descriptors, which stay the caller's, or a terminal of its own. */
export type Stdio = (Streams | { terminal: { columns?: number; rows?: number } }) & {
  /** How many of this process's descriptors from 3 on a container's program is to have as well. */
  preserved?: number;
};
export interface Streams {
  stdin: number;
  stdout: number;
  stderr: number;
}

export interface Started {
  pid: number;
  /** Non-blocking descriptor of the process; the receiver closes it. */
  pidfd: number;
  /** The master side of the program's terminal, where one was asked for: non-blocking, and the receiver closes it. */
  terminal?: number;
}

export interface Running extends Started {
  readonly container: Bundle;
  /** Its control group: out of memory, freeze, limits. Closed and removed by `remove`. */
  readonly cgroup: Cgroup;
}

/** What Docker gives as exit status when a program did not start. */
export type StartFailure = 126 | 127 | 128;

/** A container or an exec that did not start. */
export class RuntimeError extends FathomError {
  /** 127: no such program; 126: it cannot be executed; 128: anything else. */
  readonly exitCode: StartFailure;

  constructor(kind: ErrorKind, message: string, options: ErrorOptions & { exitCode: StartFailure }) {
    super(kind, message, options);
    this.exitCode = options.exitCode;
  }
}
