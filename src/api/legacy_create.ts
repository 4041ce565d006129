/** What a request to create a container meant in earlier versions of the API. Source: the history of the Docker Engine API. */

import type { ContainerCreateRequest, HostConfig, MountRequest } from "../spec/docker.ts";
import { FathomError } from "../std/errors.ts";
import { olderThan } from "./version.ts";

/**
 * The request as Docker reads it from a client of `version`: fields that there were not yet are passed over, defaults are the old ones.
 * @throws {FathomError} invalid, in Docker's words, for what cannot be passed over.
 */
export function legacyCreate(request: ContainerCreateRequest, version: string): ContainerCreateRequest {
  if (!olderThan(version, "1.48")) return request;
  const { HostConfig: host, Healthcheck, NetworkingConfig, ...rest } = request;
  const networks = Object.keys(NetworkingConfig?.EndpointsConfig ?? {});
  if (networks.length > 1 && olderThan(version, "1.44"))
    throw new FathomError(
      "invalid",
      `Container cannot be created with multiple network endpoints: ${networks.join(", ")}`,
    );
  return {
    ...rest,
    ...(Healthcheck && { Healthcheck: without(Healthcheck, "StartInterval", olderThan(version, "1.44")) }),
    ...(NetworkingConfig && { NetworkingConfig }),
    ...((host || olderThan(version, SHAREABLE_UNTIL)) && {
      HostConfig: legacyHostConfig(host ?? {}, version),
    }),
  };
}

/** Until then a container's shared memory could be joined by others unless it was kept private. */
const SHAREABLE_UNTIL = "1.40";

function legacyHostConfig(host: HostConfig, version: string): HostConfig {
  return {
    ...without(host, "Annotations", olderThan(version, "1.43")),
    ...(!host.IpcMode && olderThan(version, SHAREABLE_UNTIL) && { IpcMode: "shareable" }),
    ...(host.Mounts && { Mounts: host.Mounts.map((mount) => legacyMount(mount, version)) }),
  };
}

function legacyMount(mount: MountRequest, version: string): MountRequest {
  if (mount.Type === "image") throw new FathomError("invalid", `Mount type "Image" needs API v1.48 or newer`);
  const { BindOptions, VolumeOptions, TmpfsOptions, ...rest } = mount;
  return {
    ...rest,
    ...(BindOptions && { BindOptions: legacyBind(BindOptions, version) }),
    ...(VolumeOptions && { VolumeOptions: without(VolumeOptions, "Subpath", olderThan(version, "1.45")) }),
    ...(TmpfsOptions && { TmpfsOptions: without(TmpfsOptions, "Options", olderThan(version, "1.46")) }),
  };
}

type BindOptions = NonNullable<MountRequest["BindOptions"]>;

/** Since when each option of a bind mount is there. */
const BIND_SINCE: Readonly<Partial<Record<keyof BindOptions, string>>> = {
  NonRecursive: "1.40",
  CreateMountpoint: "1.42",
  ReadOnlyNonRecursive: "1.44",
  ReadOnlyForceRecursive: "1.44",
};

function legacyBind(options: BindOptions, version: string): BindOptions {
  const names = Object.keys(BIND_SINCE) as (keyof BindOptions)[];
  return names.reduce(
    (all, name) => without(all, name, olderThan(version, BIND_SINCE[name] ?? "0")),
    options,
  );
}

function without<T extends object>(value: T, key: keyof T, unknown: boolean): T {
  if (!unknown || !(key in value)) return value;
  const rest = { ...value };
  delete rest[key];
  return rest;
}
