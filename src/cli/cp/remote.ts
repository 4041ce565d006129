/** A container's end of a copy. */

import type { PathStat } from "../../spec/docker_files.ts";
import { GO_MODE, hasGoMode } from "../../spec/file_mode.ts";
import { CommandError, DaemonError } from "../errors.ts";
import type { Client } from "../http/client.ts";
import type { Reply } from "../http/reply.ts";

const STAT = "x-docker-container-path-stat";

export function archivePath(container: string): string {
  return `/containers/${encodeURIComponent(container)}/archive`;
}

/** What is at a path of a container; undefined where nothing is, or the daemon does not say. */
export async function remoteStat(
  client: Client,
  container: string,
  path: string,
): Promise<PathStat | undefined> {
  try {
    return statOf(await client.send("HEAD", archivePath(container), { query: { path } }));
  } catch (error) {
    if (error instanceof DaemonError) return undefined;
    throw error;
  }
}

/** The facts that come with an answer. */
export function statOf({ headers }: Reply): PathStat {
  const text = Buffer.from(headers.get(STAT) ?? "", "base64").toString();
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CommandError("unable to decode container path stat header", 1, { cause });
  }
}

export const isDirectory = ({ mode }: PathStat): boolean => hasGoMode(mode, GO_MODE.directory);
export const isLink = ({ mode }: PathStat): boolean => hasGoMode(mode, GO_MODE.symlink);

const IRREGULAR = [GO_MODE.namedPipe, GO_MODE.socket, GO_MODE.irregular];

/** Why nothing can be copied to it; undefined where something can. */
export function refusedTarget({ mode }: PathStat): string | undefined {
  if (hasGoMode(mode, GO_MODE.device)) return "got a device";
  return IRREGULAR.some((bit) => hasGoMode(mode, bit)) ? "got an irregular file" : undefined;
}
