/**
 * What a user mounts into a container (`-v /a:/b:ro`, `-v name:/b`, `--mount type=…`), from Docker's notations to records. Pure:
 * nothing is looked up, so the source of a volume or an image is still empty.
 */

import type { HostConfig, MountRequest } from "../../spec/docker.ts";
import type { VolumeCreateRequest } from "../../spec/docker_volume.ts";
import { FathomError } from "../../std/errors.ts";
import { checkDestination, checkTmpfs, cleanPath, tmpfsOptionsOf } from "./points.ts";
import type { MountDetails, MountRecord } from "./record.ts";

export interface WantedMount {
  record: MountRecord;
  /** Of a volume: how to make it, and whether it gets the image's files when it is empty. */
  volume?: { request: VolumeCreateRequest; copy: boolean };
}

const PROPAGATIONS = ["private", "rprivate", "shared", "rshared", "slave", "rslave"];
const DEFAULT_PROPAGATION = "rprivate";

/**
 * Every mount that a request asks for by `Binds` and `Mounts`, in this order.
 * @throws {FathomError} invalid, in Docker's words
 */
export function readMounts(host: HostConfig): WantedMount[] {
  const wanted = [
    ...(host.Binds ?? []).map((text) => readBind(text, host.VolumeDriver ?? "")),
    ...(host.Mounts ?? []).map(readMount),
  ];
  const paths = Object.keys(host.Tmpfs ?? {});
  paths.forEach(checkDestination);
  Object.values(host.Tmpfs ?? {}).forEach(checkTmpfs);
  refuseDuplicates([...wanted.map(({ record }) => record.Destination), ...paths.map(cleanPath)]);
  return wanted;
}

function refuseDuplicates(destinations: readonly string[]): void {
  const twice = destinations.find((path, index) => destinations.indexOf(path) !== index);
  if (twice !== undefined) throw new FathomError("invalid", `Duplicate mount point: ${twice}`);
}

/** `SOURCE:/container[:mode]`. A source without a slash is the name of a volume. */
function readBind(specification: string, driver: string): WantedMount {
  const [source = "", destination = "", mode = "", ...rest] = specification.split(":");
  const wrong = (reason: string) =>
    new FathomError("invalid", `invalid volume specification: '${specification}'${reason}`);
  if (rest.length > 0 || source === "" || destination === "") throw wrong("");
  const type = source.startsWith("/") ? "bind" : "volume";
  const inType = `: invalid mount config for type "${type}": `;
  if (!destination.startsWith("/"))
    throw wrong(`${inType}invalid mount path: '${destination}' mount path must be absolute`);
  const target = cleanPath(destination);
  if (target === "/") throw wrong(`${inType}invalid specification: destination can't be '/'`);
  const { RW, propagation, noCopy } = readMode(mode);
  if (type === "volume") {
    if (propagation !== undefined) throw wrong(`${inType}field BindOptions must not be specified`);
    return volumeMount({ name: source, target, RW, mode }, { noCopy, driver });
  }
  if (noCopy) throw wrong(`${inType}field VolumeOptions must not be specified`);
  const record: MountRecord = {
    Type: "bind",
    Source: cleanPath(source),
    Destination: target,
    Mode: mode,
    RW,
    Propagation: propagation ?? DEFAULT_PROPAGATION,
    Details: { createSource: true },
  };
  return { record };
}

/** `ro`, `rslave`, … SELinux's z and Z, and macOS's consistency, mean nothing here and are taken without effect, as in Docker. */
function readMode(mode: string): { RW: boolean; propagation: string | undefined; noCopy: boolean } {
  const words = mode === "" ? [] : mode.split(",");
  const known = ["ro", "rw", "z", "Z", "nocopy", "consistent", "cached", "delegated", ...PROPAGATIONS];
  const propagations = words.filter((word) => PROPAGATIONS.includes(word));
  const access = words.filter((word) => word === "ro" || word === "rw");
  if (words.some((word) => !known.includes(word)) || propagations.length > 1 || access.length > 1)
    throw new FathomError("invalid", `invalid mode: ${mode}`);
  return { RW: !words.includes("ro"), propagation: propagations[0], noCopy: words.includes("nocopy") };
}

/** `ID[:ro]` of `--volumes-from`. @throws {FathomError} invalid, in Docker's words */
export function readVolumesFrom(text: string): { container: string; writable: boolean } {
  const [container = "", mode = "rw", ...rest] = text.split(":");
  if (container === "")
    throw new FathomError("invalid", "volumes-from specification cannot be an empty string");
  const { RW, propagation, noCopy } = readMode(mode);
  if (rest.length > 0 || propagation !== undefined || noCopy)
    throw new FathomError("invalid", `invalid mode: ${[mode, ...rest].join(":")}`);
  return { container, writable: RW };
}

interface VolumeMount {
  /** Empty for an anonymous one. */
  name: string;
  target: string;
  RW: boolean;
  mode: string;
}

function volumeMount(
  { name, target, RW, mode }: VolumeMount,
  options: { noCopy: boolean; driver: string; request?: VolumeCreateRequest; details?: MountDetails },
): WantedMount {
  const { noCopy, driver, request, details } = options;
  const Details: MountDetails = { ...details, ...(name === "" && { anonymous: true }) };
  return {
    record: {
      Type: "volume",
      Name: name,
      Source: "",
      Destination: target,
      // Docker marks volumes of its own driver as shared between SELinux's labels.
      Mode: mode === "" ? "z" : mode,
      RW,
      Propagation: "",
      ...(Object.keys(Details).length > 0 && { Details }),
    },
    volume: { request: { ...request, Name: name, Driver: driver }, copy: !noCopy },
  };
}

/** The anonymous volume at a path that the request or the image declares. @throws {FathomError} invalid */
export function declaredVolume(path: string, driver: string): WantedMount {
  checkDestination(path);
  const wanted = volumeMount(
    { name: "", target: cleanPath(path), RW: true, mode: "" },
    { noCopy: false, driver },
  );
  return { ...wanted, record: { ...wanted.record, Mode: "" } };
}

function readMount(mount: MountRequest): WantedMount {
  const wrong = (reason: string) =>
    new FathomError("invalid", `invalid mount config for type "${mount.Type}": ${reason}`);
  if (!mount.Target) throw wrong("field Target must not be empty");
  if (!mount.Target.startsWith("/"))
    throw wrong(`invalid mount path: '${mount.Target}' mount path must be absolute`);
  const target = cleanPath(mount.Target);
  if (target === "/") throw wrong("invalid specification: destination can't be '/'");
  refuseOthersOptions(mount, wrong);
  switch (mount.Type) {
    case "bind":
      return { record: bindRecord(mount, wrong) };
    case "tmpfs":
      return { record: tmpfsRecord(mount, wrong) };
    case "volume":
      return namedMount(mount, wrong);
    case "image":
      return { record: imageRecord(mount, wrong) };
    case "npipe":
      throw wrong("named pipes exist on Windows only: use a bind mount");
    case "cluster":
      throw new FathomError(
        "unsupported",
        "cluster volumes need a swarm, which Fathom has not: use a volume",
      );
  }
}

type Wrong = (reason: string) => FathomError;

const OWN_OPTIONS = {
  bind: "BindOptions",
  volume: "VolumeOptions",
  tmpfs: "TmpfsOptions",
  image: "ImageOptions",
};

function refuseOthersOptions(mount: MountRequest, wrong: Wrong): void {
  const others = Object.entries(OWN_OPTIONS).filter(([type]) => type !== mount.Type);
  const given = others.find(([, field]) => Boolean(mount[field as keyof MountRequest]));
  if (given !== undefined) throw wrong(`field ${given[1]} must not be specified`);
}

function bindRecord(mount: MountRequest, wrong: Wrong): MountRecord {
  if (!mount.Source) throw wrong("field Source must not be empty");
  if (!mount.Source.startsWith("/"))
    throw wrong(`invalid mount path: '${mount.Source}' mount path must be absolute`);
  const options = mount.BindOptions ?? {};
  if (options.ReadOnlyNonRecursive && options.ReadOnlyForceRecursive)
    throw wrong("mount options conflict: ReadOnlyNonRecursive && ReadOnlyForceRecursive");
  const propagation = options.Propagation || DEFAULT_PROPAGATION;
  if (!PROPAGATIONS.includes(propagation))
    throw new FathomError("invalid", `invalid propagation mode: ${propagation}`);
  const Details: MountDetails = {
    ...(options.CreateMountpoint && { createSource: true }),
    ...(options.NonRecursive && { nonRecursive: true }),
    ...(options.ReadOnlyNonRecursive && { shallowReadOnly: true }),
  };
  return {
    Type: "bind",
    Source: cleanPath(mount.Source),
    ...commonOf(mount),
    Propagation: propagation,
    ...(Object.keys(Details).length > 0 && { Details }),
  };
}

function commonOf(mount: MountRequest): Pick<MountRecord, "Destination" | "Mode" | "RW"> {
  return { Destination: cleanPath(mount.Target), Mode: "", RW: !mount.ReadOnly };
}

function tmpfsRecord(mount: MountRequest, wrong: Wrong): MountRecord {
  if (mount.Source) throw wrong("field Source must not be specified");
  const tmpfs = tmpfsOptionsOf(mount);
  checkTmpfs(tmpfs);
  return { Type: "tmpfs", Source: "", ...commonOf(mount), Propagation: "", Details: { tmpfs } };
}

function namedMount(mount: MountRequest, wrong: Wrong): WantedMount {
  const { Source: name = "", VolumeOptions } = mount;
  const { DriverConfig, Labels, NoCopy = false, Subpath: subpath = "" } = VolumeOptions ?? {};
  if (subpath !== "" && name === "") throw wrong("must not set Subpath when using anonymous volumes");
  if (name === "" && mount.ReadOnly) throw wrong("must not set ReadOnly mode when using anonymous volumes");
  checkSubpath(subpath, wrong);
  const request: VolumeCreateRequest = {
    ...(DriverConfig?.Options && { DriverOpts: DriverConfig.Options }),
    ...(Labels && { Labels }),
  };
  return volumeMount(
    { name, target: cleanPath(mount.Target), RW: !mount.ReadOnly, mode: "" },
    {
      noCopy: NoCopy || subpath !== "",
      driver: DriverConfig?.Name ?? "",
      request,
      details: subpath === "" ? {} : { subpath },
    },
  );
}

function checkSubpath(subpath: string, wrong: Wrong): void {
  if (subpath.startsWith("/") || subpath.split("/").includes(".."))
    throw wrong("subpath must be a relative path within the volume");
}

/** Read-only always. The name is looked up when the container is made. */
function imageRecord(mount: MountRequest, wrong: Wrong): MountRecord {
  if (!mount.Source) throw wrong("field Source must not be empty");
  const subpath = mount.ImageOptions?.Subpath ?? "";
  checkSubpath(subpath, wrong);
  return {
    Type: "image",
    Name: mount.Source,
    Source: "",
    ...commonOf(mount),
    RW: false,
    Propagation: "",
    ...(subpath !== "" && { Details: { subpath } }),
  };
}
