/**
 * Reaps processes that became this one's children because their parent ended.
 *
 * They come where a container shares the host's PID namespace, and from other runtimes. waitpid(-1) would take the status of
 * children that somebody waits for, so only what nobody knows is reaped: by its number, and while no work is under way that
 * may start processes.
 */

import { readdirSync, readFileSync } from "node:fs";
import { reap } from "../kernel/process.ts";
import { sys } from "../kernel/syscall.ts";

const ANY = -1;
const WNOHANG = 1;

/** Reaps every child that has ended and is not in `known`. */
export function reapOrphans(known: ReadonlySet<number>): void {
  for (const pid of children()) {
    if (!known.has(pid)) reap(pid);
  }
}

/** Reaps every child that has ended, and says whether none is left. For a time when nobody waits for a child. */
export function childless(): boolean {
  for (;;) {
    const answer = sys("wait4", ANY, 0, WNOHANG, 0);
    if (answer <= 0) return answer < 0;
  }
}

/** This process's children; proc_pid_task(5), `children`. */
function children(): number[] {
  return readdirSync("/proc/self/task").flatMap((task) =>
    (read(`/proc/self/task/${task}/children`) ?? "").split(" ").filter(Boolean).map(Number),
  );
}

/** Undefined for a thread that has ended since. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return undefined;
  }
}
