/** Devices of the host that containers get: `--device`, and every one for `--privileged`. */

import { readdir, stat } from "node:fs/promises";
import { posix } from "node:path";
import type { Device } from "../../spec/oci_runtime.ts";
import { FathomError } from "../../std/errors.ts";
import type { FullHostConfig } from "../host_config.ts";
import type { DeviceAccess } from "./resources.ts";

const S_IFMT = 0o170000;
const S_IFBLK = 0o060000;
const S_IFCHR = 0o020000;
const PERMISSIONS = 0o777;

/**
 * The devices a container is to have, as they are now on the host.
 * @throws {FathomError} invalid in Docker's words, when one of those asked for is not there.
 */
export async function findDevices(host: FullHostConfig): Promise<DeviceAccess[]> {
  const all = host.Privileged ? await everyDevice() : [];
  const asked = await Promise.all((host.Devices ?? []).map(askedDevice));
  return [...all, ...asked.flat()];
}

type Asked = NonNullable<FullHostConfig["Devices"]>[number];

async function askedDevice({
  PathOnHost: source,
  PathInContainer: target,
  CgroupPermissions: access,
}: Asked): Promise<DeviceAccess[]> {
  const found = (await devicesAt(source)).map(({ path, device }) => ({
    device: { ...device, path: target === "" ? path : posix.join(target, posix.relative(source, path)) },
    access: access || "rwm",
  }));
  if (found.length > 0) return found;
  throw gathering(source, "not a device node");
}

/** A device, or all of a directory, as Docker takes both. */
async function devicesAt(path: string): Promise<{ path: string; device: Device }[]> {
  const entry = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    throw gathering(path, cause.code === "ENOENT" ? "no such file or directory" : cause.message);
  });
  if (entry.isDirectory()) return devicesBelow(path);
  const device = deviceOf(path, entry);
  return device === undefined ? [] : [{ path, device }];
}

function gathering(path: string, reason: string): FathomError {
  return new FathomError(
    "invalid",
    `error gathering device information while adding custom device "${path}": ${reason}`,
  );
}

/** What in /dev is a mount or a link to another place in a container, runc's list. */
const NOT_OF_THE_HOST = ["pts", "shm", "fd", "mqueue", "console", ".lxc", ".lxd-mounts", ".udev"];

async function everyDevice(): Promise<DeviceAccess[]> {
  const found = await devicesBelow("/dev");
  return found.map(({ device }) => ({ device, access: "rwm" }));
}

async function devicesBelow(directory: string): Promise<{ path: string; device: Device }[]> {
  // What goes away meanwhile, or lets nobody look in (FUSE), has no devices.
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  const found = await Promise.all(
    entries.map(async (entry) => {
      const path = posix.join(directory, entry.name);
      if (entry.isDirectory()) return NOT_OF_THE_HOST.includes(entry.name) ? [] : devicesBelow(path);
      if (!(entry.isCharacterDevice() || entry.isBlockDevice()) || entry.name === "console") return [];
      // Gone since it was listed.
      const device = await stat(path)
        .then((one) => deviceOf(path, one))
        .catch(() => undefined);
      return device === undefined ? [] : [{ path, device }];
    }),
  );
  return found.flat();
}

function deviceOf(
  path: string,
  { mode, rdev, uid, gid }: { mode: number; rdev: number; uid: number; gid: number },
): Device | undefined {
  const kind = mode & S_IFMT;
  if (kind !== S_IFBLK && kind !== S_IFCHR) return undefined;
  return {
    type: kind === S_IFBLK ? "b" : "c",
    path,
    ...numbersOf(rdev),
    fileMode: mode & PERMISSIONS,
    uid,
    gid,
  };
}

/** Major and minor of a dev_t, as makedev(3) packs them. */
export function numbersOf(rdev: number): { major: number; minor: number } {
  const packed = BigInt(rdev);
  return {
    major: Number(((packed >> 8n) & 0xfffn) | ((packed >> 32n) & 0xfffff000n)),
    minor: Number((packed & 0xffn) | ((packed >> 12n) & 0xffffff00n)),
  };
}
