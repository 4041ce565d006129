/** Whether the program that an init is to start is there: asked before, since an init that runs can tell nobody but its own output. */

import { ERRNO, SyscallError } from "../kernel/mod.ts";
import { INIT_PATH } from "../spec/docker.ts";
import type { Mount, RuntimeConfig } from "../spec/oci_runtime.ts";
import { explainExecFailure, formatFailure, isThere } from "./exec_failure.ts";

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
  checkThere({ ...config, process: { ...config.process, args } });
}

/**
 * The same for any program, where nobody can be told later.
 * @throws {RuntimeError} in Docker's words.
 */
export function checkThere({ root, process, mounts }: RuntimeConfig): void {
  const unseen = mounts.some((mount) => mayHoldPrograms(mount) && !isBound(mount) && !isEmpty(mount));
  if (unseen) return;
  if (isThere(root.path, { process, mounts })) {
    const failure = formatFailure(root.path, { process, mounts });
    if (failure !== undefined) throw failure;
    return;
  }
  const missing = new SyscallError(`execute ${process.args[0]}`, ERRNO.ENOENT);
  throw explainExecFailure(root.path, { process, mounts }, missing);
}

function mayHoldPrograms({ destination }: Mount): boolean {
  return !WITHOUT_PROGRAMS.test(destination);
}

/** What the kernel makes anew for a container has no programs. */
function isEmpty({ type = "" }: Mount): boolean {
  return ["tmpfs", "proc", "sysfs", "devpts", "mqueue", "cgroup", "cgroup2"].includes(type);
}

/** What is bound is looked into, unlike what is made with the container. */
function isBound({ options }: Mount): boolean {
  return options?.some((option) => option === "bind" || option === "rbind") ?? false;
}
