/** A bound on what the directories of one snapshot hold together: a project quota of the file system they are on. */

import { limitProject, projectOf, projectQuota, setProject } from "../kernel/mod.ts";
import { FathomError } from "../std/errors.ts";

/** Small numbers are those that people give out by hand, in projid(5). */
const LEAST_PROJECT = 2 ** 20;
const MOST_PROJECT = 2 ** 31;

/**
 * Bounds empty directories of one file system to `limit` bytes.
 * @throws {FathomError} unsupported, where the file system keeps no project quotas.
 */
export function limitSize(directories: readonly [string, ...string[]], limit: number): void {
  const project = freeProject(directories[0]);
  limitProject(directories[0], project, limit);
  for (const directory of directories) setProject(directory, project);
}

/** Forgets the bound of a directory that is about to go. */
export function forgetLimit(directory: string): void {
  const project = projectOf(directory);
  if (project >= LEAST_PROJECT && projectQuota(directory, project)?.limit)
    limitProject(directory, project, 0);
}

/** A number that nothing on the file system has a limit by, whichever engine gave it. */
function freeProject(directory: string): number {
  for (;;) {
    const project = LEAST_PROJECT + Math.floor(Math.random() * (MOST_PROJECT - LEAST_PROJECT));
    const quota = projectQuota(directory, project);
    if (quota === undefined) {
      throw new FathomError(
        "unsupported",
        "--storage-opt size needs the engine's data on ext4 or xfs mounted with 'prjquota': leave it out, or mount it so",
      );
    }
    if (quota.limit === 0 && quota.used === 0) return project;
  }
}
