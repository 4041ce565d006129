/** Ending a process that was started in vain. */

import { type Child, closeFd, exited, reap, sendSignal } from "../kernel/mod.ts";

const SIGKILL = 9;

/** Kills it, reaps it, and closes its descriptor. */
export async function endProcess({ pid, pidfd }: Child): Promise<void> {
  sendSignal(pidfd, SIGKILL);
  await exited(pidfd);
  reap(pid);
  closeFd(pidfd);
}
