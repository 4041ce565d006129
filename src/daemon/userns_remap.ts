/**
 * `--userns-remap`: from a user and a group to the IDs of the host that stand for a container's.
 *
 * Source: subuid(5), subgid(5); dockerd(8). Docker keeps images and containers of each mapping in a data root of its own, since its
 * layers are owned by the mapped users. Here layers are owned as their image says and are mapped when they are mounted, so one data
 * root serves containers with and without user namespaces, and no image is stored twice. A container keeps the mapping it
 * was made with.
 */

import { readFile } from "node:fs/promises";
import type { IdMapping, IdMaps } from "../spec/oci_runtime.ts";
import { ifAbsent } from "../std/absent.ts";
import { FathomError } from "../std/errors.ts";
import { type AccountFiles, DEFAULT_USER, makeDefaultUser } from "./remap_user.ts";

/**
 * `default` stands for a user that is made where there is none.
 * @throws {FathomError} invalid, when a name or its subordinate IDs are missing; what makeDefaultUser throws.
 */
export async function readIdMaps(remap: string | undefined): Promise<IdMaps | undefined> {
  if (remap === undefined || remap === "") return undefined;
  if (remap === "default") await makeDefaultUser(await accountFiles());
  return idMapsOf(remap, await accountFiles());
}

async function accountFiles(): Promise<AccountFiles> {
  const read = (name: string) => readFile(`/etc/${name}`, "utf8").catch(ifAbsent(""));
  const [passwd, group, subuid, subgid] = await Promise.all([
    read("passwd"),
    read("group"),
    read("subuid"),
    read("subgid"),
  ]);
  return { passwd, group, subuid, subgid };
}

/** Pure part of `readIdMaps`. @internal */
export function idMapsOf(remap: string, files: AccountFiles): IdMaps {
  const wanted = remap === "default" ? DEFAULT_USER : remap;
  const [user = "", group = "", ...rest] = wanted.split(":");
  if (user === "" || rest.length > 0)
    throw invalid(`invalid user namespace mapping ${JSON.stringify(remap)}: give NAME[:GROUP] or UID[:GID]`);
  const account = find(files.passwd, user, "user");
  const owner = group === "" ? account : find(files.group, group, "group");
  return {
    uids: rangesOf(files.subuid, account, "/etc/subuid"),
    gids: rangesOf(files.subgid, owner, "/etc/subgid"),
  };
}

interface Entry {
  name: string;
  id: string;
}

function find(text: string, wanted: string, kind: "user" | "group"): Entry {
  const entries = text.split("\n").map((line) => line.split(":"));
  const found = entries.find(([name]) => name === wanted) ?? entries.find(([, , id]) => id === wanted);
  const [name, , id] = found ?? [];
  if (name === undefined || id === undefined)
    throw invalid(
      `user namespaces: there is no ${kind} ${wanted} on this host: make it, e.g. with: useradd --system ${wanted}`,
    );
  return { name, id };
}

/** All ranges of an owner, one behind the other from 0 on, as in Docker. */
function rangesOf(text: string, { name, id }: Entry, path: string): IdMapping[] {
  const ranges = text.split("\n").flatMap((line) => {
    const [owner, first = "", size = ""] = line.trim().split(":");
    const isOwn = owner === name || owner === id;
    return isOwn && /^\d+$/.test(first) && /^[1-9]\d*$/.test(size)
      ? [{ hostID: Number(first), size: Number(size) }]
      : [];
  });
  if (ranges.length === 0)
    throw invalid(
      `user namespaces: ${path} gives no IDs to ${name}: add a line like ${name}:231072:65536 there`,
    );
  let containerID = 0;
  return ranges
    .sort((a, b) => a.hostID - b.hostID)
    .map(({ hostID, size }) => {
      const mapping = { containerID, hostID, size };
      containerID += size;
      return mapping;
    });
}

function invalid(sentence: string): FathomError {
  return new FathomError("invalid", sentence);
}
