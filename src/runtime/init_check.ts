/** Whether the program that an init is to start is there: asked before, since an init that runs can tell nobody but its own output. */

import { ERRNO, SyscallError } from "../kernel/mod.ts";
import { INIT_PATH } from "../spec/docker.ts";
import type { Mount, RuntimeConfig } from "../spec/oci_runtime.ts";
import { explainExecFailure, isThere } from "./exec_failure.ts";

/** Where no program of an image is, whatever is mounted there. */
const WITHOUT_PROGRAMS = /^(?:\/(?:dev|proc|sys|etc)(?:\/|$)|\/sbin\/docker-init$)/;

/**
 * A program that is certainly not there is an error here, as without an init. What a mount may hold is left to the init, which
 * ends with the same status.
 * @throws {RuntimeError} in Docker's words.
 */
export function checkBehindInit(config: RuntimeConfig): void {
  const [init, dashes, ...args] = config.process.args;
  if (init !== INIT_PATH || dashes !== "--" || config.mounts.some(mayHoldPrograms)) return;
  const behind = { process: { ...config.process, args }, mounts: config.mounts };
  if (isThere(config.root.path, behind)) return;
  const missing = new SyscallError(`execute ${args[0]}`, ERRNO.ENOENT);
  throw explainExecFailure(config.root.path, behind, missing);
}

function mayHoldPrograms({ destination }: Mount): boolean {
  return !WITHOUT_PROGRAMS.test(destination);
}
