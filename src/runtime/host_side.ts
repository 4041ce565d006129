/** What a container's program must have of the host before it begins: descriptors that it joins or uses, and facts about paths. */

import {
  AT,
  check,
  closeFd,
  majorMinor,
  makeUserNamespace,
  O,
  openPath,
  owned,
  ownerOf,
  S,
  SyscallError,
  statFd,
  sys,
} from "../kernel/mod.ts";
import type { Device, NamespaceType, RuntimeConfig } from "../spec/oci_runtime.ts";
import { FathomError } from "../std/errors.ts";
import { devicesOf, type PathKind } from "./program/mod.ts";

/** Descriptors of the namespaces that are joined. @throws {FathomError} not-found */
export function openNamespaces(config: RuntimeConfig, stack: DisposableStack): Map<NamespaceType, number> {
  const joined = new Map<NamespaceType, number>();
  for (const { type, path } of config.linux.namespaces) {
    if (path === undefined && type !== "user") continue;
    if (path === undefined) {
      const owner = ownerOfNetwork(config, stack);
      if (owner !== undefined) {
        joined.set(type, owner);
        continue;
      }
      const { uidMappings: uids = [], gidMappings: gids = [] } = config.linux;
      if (uids.length === 0 || gids.length === 0)
        throw new FathomError("invalid", "a user namespace needs uidMappings and gidMappings");
      joined.set(type, stack.use(owned(makeUserNamespace({ uids, gids }))).fd);
      continue;
    }
    const fd = check(
      sys("openat", AT.FDCWD, path, O.RDONLY | O.CLOEXEC),
      `open the ${type} namespace ${path}`,
    );
    stack.defer(() => closeFd(fd));
    joined.set(type, fd);
  }
  return joined;
}

/**
 * The user namespace that a network given by its path belongs to, where that is not this process's own. It is the one to be in: over
 * the network of another the container's root would have no power. Whoever made both knows the maps.
 */
function ownerOfNetwork({ linux }: RuntimeConfig, stack: DisposableStack): number | undefined {
  const path = linux.namespaces.find(({ type }) => type === "network")?.path;
  if (path === undefined) return undefined;
  const network = check(
    sys("openat", AT.FDCWD, path, O.RDONLY | O.CLOEXEC),
    `open the network namespace ${path}`,
  );
  stack.defer(() => closeFd(network));
  const owner = ownerOf(network);
  if (owner !== undefined) stack.defer(() => closeFd(owner));
  return owner;
}

/** A user namespace for each bind mount whose files are to appear as others', by where it goes. */
export function openMaps({ mounts }: RuntimeConfig, stack: DisposableStack): Map<string, number> {
  const maps = new Map<string, number>();
  for (const { destination, options = [], uidMappings: uids = [], gidMappings: gids = [] } of mounts) {
    const asked = options.includes("idmap") || options.includes("ridmap");
    if (!asked && uids.length + gids.length === 0) continue;
    if (uids.length === 0 || gids.length === 0 || !(options.includes("bind") || options.includes("rbind")))
      throw new FathomError(
        "invalid",
        `the mount at ${destination} cannot map owners: that takes a bind mount with uidMappings and gidMappings`,
      );
    maps.set(destination, stack.use(owned(makeUserNamespace({ uids, gids }))).fd);
  }
  return maps;
}

/** What stands at the sources of bind mounts, and at those masked paths that every procfs and sysfs of this host has alike. */
export function pathKinds(config: RuntimeConfig): Map<string, PathKind> {
  const kinds = new Map<string, PathKind>();
  for (const { source, destination, options } of config.mounts) {
    if (source === undefined || !(options?.includes("bind") || options?.includes("rbind"))) continue;
    const kind = kindOfPath(source);
    if (kind === "absent")
      throw new FathomError("invalid", `cannot mount ${source} at ${destination}: no such file or directory`);
    kinds.set(source, kind);
  }
  for (const path of config.linux.maskedPaths ?? []) {
    if (/^\/(proc|sys)\//.test(path)) kinds.set(path, kindOfPath(path));
  }
  return kinds;
}

/** Where the host has the devices of a container that cannot make its own. */
export function devicePaths(config: RuntimeConfig): Map<string, string> {
  return new Map(
    devicesOf(config).map((device) => {
      const { type, path, major, minor } = device;
      const places = [path, `/dev/${type === "b" ? "block" : "char"}/${major}:${minor}`];
      const place = places.find((candidate) => isDevice(candidate, device));
      if (place === undefined && type !== "p")
        throw new FathomError(
          "invalid",
          `this host has no device file for ${path} (${type} ${major}:${minor})`,
        );
      return [path, place ?? path];
    }),
  );
}

function isDevice(path: string, { type, major, minor }: Device): boolean {
  try {
    using place = owned(openPath(path));
    const { mode, rdev } = statFd(place.fd);
    const found = majorMinor(rdev);
    const kind = type === "b" ? S.IFBLK : S.IFCHR;
    return (mode & S.IFMT) === kind && found.major === major && found.minor === minor;
  } catch (error) {
    if (error instanceof SyscallError) return false;
    throw error;
  }
}

function kindOfPath(path: string): PathKind {
  try {
    using place = owned(openPath(path));
    return (statFd(place.fd).mode & S.IFMT) === S.IFDIR ? "directory" : "file";
  } catch (error) {
    if (error instanceof SyscallError && (error.code === "ENOENT" || error.code === "ENOTDIR"))
      return "absent";
    throw error;
  }
}
