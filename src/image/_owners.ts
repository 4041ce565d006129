/** Owners of a snapshot's files: the host's numbers, as they are on disk, and those that the container knows. */

import type { IdMapping, IdMaps } from "../spec/oci_runtime.ts";

export interface Ids {
  uid: number;
  gid: number;
}

export interface Owners {
  /** What the container calls an owner on disk. */
  inside(ids: Ids): Ids;
  /** Who on disk an owner of the container is. */
  onDisk(ids: Ids): Ids;
}

/** The kernel's overflowuid and overflowgid: who has no number on the other side. */
const NOBODY = 65_534;

/** @param maps absent: both are the same */
export function ownersBy(maps: IdMaps | undefined): Owners {
  if (maps === undefined) return { inside: (ids) => ids, onDisk: (ids) => ids };
  const { uids, gids } = maps;
  return {
    inside: ({ uid, gid }) => ({ uid: inside(uids, uid), gid: inside(gids, gid) }),
    onDisk: ({ uid, gid }) => ({ uid: onDisk(uids, uid), gid: onDisk(gids, gid) }),
  };
}

/** Owners of a root that is on disk as its image has it: those whom the container does not know are nobody. */
export function ownersOnDisk(maps: IdMaps | undefined): Owners {
  const same = (map: readonly IdMapping[]) => map.map((range) => ({ ...range, hostID: range.containerID }));
  return ownersBy(maps && { uids: same(maps.uids), gids: same(maps.gids) });
}

function inside(map: readonly IdMapping[], id: number): number {
  const found = map.find(({ hostID, size }) => id >= hostID && id < hostID + size);
  return found === undefined ? NOBODY : found.containerID + id - found.hostID;
}

function onDisk(map: readonly IdMapping[], id: number): number {
  const found = map.find(({ containerID, size }) => id >= containerID && id < containerID + size);
  return found === undefined ? NOBODY : found.hostID + id - found.containerID;
}
