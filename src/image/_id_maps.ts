/**
 * The users of the host as whom a snapshot's users appear, kept beside it: every mount of a snapshot must agree on them, since what a
 * container writes belongs to the users of the host.
 */

import { chown, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { IdMaps } from "../spec/oci_runtime.ts";
import { ifAbsent } from "../std/absent.ts";

const FILE = "id-maps.json";

export async function writeIdMaps(directory: string, maps: IdMaps): Promise<void> {
  await writeFile(join(directory, FILE), `${JSON.stringify(maps)}\n`, { mode: 0o600 });
}

/** Absent: the snapshot's users are the host's. */
export async function readIdMaps(directory: string): Promise<IdMaps | undefined> {
  const text = await readFile(join(directory, FILE), "utf8").catch(ifAbsent(undefined));
  return text === undefined ? undefined : (JSON.parse(text) as IdMaps);
}

/** Gives a directory to whoever is root inside. */
export async function giveToRoot(path: string, { uids, gids }: IdMaps): Promise<void> {
  await chown(path, rootOf(uids), rootOf(gids));
}

function rootOf(map: IdMaps["uids"]): number {
  return map.find(({ containerID }) => containerID === 0)?.hostID ?? 0;
}
