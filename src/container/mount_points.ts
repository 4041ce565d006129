/**
 * What a user mounts into a container: binds (`-v /a:/b:ro`, `--mount type=bind`) and tmpfs, from Docker's notations to mount
 * points as inspect shows them, and to OCI mounts.
 */

import { posix } from "node:path";
import type { HostConfig, MountPoint, MountRequest } from "../spec/docker.ts";
import type { Mount } from "../spec/oci_runtime.ts";
import { FathomError } from "../std/errors.ts";

/** A bind, and whether its source is made when it is missing (`-v` does, `--mount` does not). */
export interface Bind {
  point: MountPoint;
  createSource: boolean;
}

export interface RequestedMounts {
  binds: Bind[];
  /** Shown by inspect among the mounts, since they came by `--mount`. */
  tmpfs: MountPoint[];
}

const PROPAGATIONS = ["private", "rprivate", "shared", "rshared", "slave", "rslave"];
const DEFAULT_PROPAGATION = "rprivate";

/**
 * Reads every mount that a request asks for.
 * @throws {FathomError} invalid in Docker's words, or unsupported for named volumes.
 */
export function readMounts(host: HostConfig): RequestedMounts {
  const fromBinds = (host.Binds ?? []).map(readBind);
  const fromMounts = (host.Mounts ?? []).map(readMount);
  const binds = [...fromBinds, ...fromMounts.filter((one) => one.point.Type === "bind")];
  const tmpfs = fromMounts.filter((one) => one.point.Type === "tmpfs").map((one) => one.point);
  const paths = Object.keys(host.Tmpfs ?? {});
  paths.forEach(checkDestination);
  Object.values(host.Tmpfs ?? {}).forEach(checkTmpfs);
  refuseDuplicates([
    ...binds.map((one) => one.point.Destination),
    ...tmpfs.map((one) => one.Destination),
    ...paths,
  ]);
  return { binds, tmpfs };
}

function refuseDuplicates(destinations: readonly string[]): void {
  const clean = destinations.map(cleanPath);
  const twice = clean.find((path, index) => clean.indexOf(path) !== index);
  if (twice !== undefined) throw new FathomError("invalid", `Duplicate mount point: ${twice}`);
}

/** `/host:/container[:mode]`. A source without a slash would be the name of a volume. */
function readBind(specification: string): Bind {
  const [source = "", destination = "", mode = "", ...rest] = specification.split(":");
  const wrong = (reason: string) =>
    new FathomError("invalid", `invalid volume specification: '${specification}'${reason}`);
  if (rest.length > 0 || source === "" || destination === "") throw wrong("");
  const inBind = ': invalid mount config for type "bind"';
  if (!destination.startsWith("/"))
    throw wrong(`${inBind}: invalid mount path: '${destination}' mount path must be absolute`);
  if (cleanPath(destination) === "/")
    throw wrong(`${inBind}: invalid specification: destination can't be '/'`);
  if (!source.startsWith("/")) throw namedVolume(source);
  return {
    point: {
      Type: "bind",
      Source: cleanPath(source),
      Destination: cleanPath(destination),
      Mode: mode,
      ...readMode(mode),
    },
    createSource: true,
  };
}

function namedVolume(name: string): FathomError {
  return new FathomError(
    "unsupported",
    `named volumes are not supported yet: bind a directory of the host instead of ${name}`,
  );
}

/** `ro`, `rslave`, … SELinux's z and Z, and macOS's consistency, mean nothing here and are taken without effect, as in Docker. */
function readMode(mode: string): { RW: boolean; Propagation: string } {
  const words = mode === "" ? [] : mode.split(",");
  const known = ["ro", "rw", "z", "Z", "nocopy", "consistent", "cached", "delegated", ...PROPAGATIONS];
  const propagations = words.filter((word) => PROPAGATIONS.includes(word));
  const access = words.filter((word) => word === "ro" || word === "rw");
  if (words.some((word) => !known.includes(word)) || propagations.length > 1 || access.length > 1)
    throw new FathomError("invalid", `invalid mode: ${mode}`);
  return { RW: !words.includes("ro"), Propagation: propagations[0] ?? DEFAULT_PROPAGATION };
}

function readMount(mount: MountRequest): Bind {
  const wrong = (reason: string) =>
    new FathomError("invalid", `invalid mount config for type "${mount.Type}": ${reason}`);
  if (!mount.Target) throw wrong("field Target must not be empty");
  if (!mount.Target.startsWith("/"))
    throw wrong(`invalid mount path: '${mount.Target}' mount path must be absolute`);
  if (cleanPath(mount.Target) === "/") throw wrong("invalid specification: destination can't be '/'");
  const common = { Destination: cleanPath(mount.Target), Mode: "", RW: !mount.ReadOnly };
  switch (mount.Type) {
    case "bind":
      if (!mount.Source) throw wrong("field Source must not be empty");
      if (!mount.Source.startsWith("/"))
        throw wrong(`invalid mount path: '${mount.Source}' must be absolute`);
      return {
        point: {
          Type: "bind",
          Source: cleanPath(mount.Source),
          ...common,
          Propagation: mountPropagation(mount),
        },
        createSource: mount.BindOptions?.CreateMountpoint ?? false,
      };
    case "tmpfs":
      if (mount.Source) throw wrong("field Source must not be specified");
      return { point: { Type: "tmpfs", Source: "", ...common, Propagation: "" }, createSource: false };
    case "volume":
      throw namedVolume(mount.Source || `the anonymous volume at ${mount.Target}`);
    case "npipe":
    case "cluster":
    case "image":
      throw new FathomError(
        "unsupported",
        `mounts of type ${mount.Type} are not supported: use bind or tmpfs`,
      );
  }
}

function mountPropagation(mount: MountRequest): string {
  const propagation = mount.BindOptions?.Propagation || DEFAULT_PROPAGATION;
  if (PROPAGATIONS.includes(propagation)) return propagation;
  throw new FathomError("invalid", `invalid propagation mode: ${propagation}`);
}

function checkDestination(path: string): void {
  if (!path.startsWith("/"))
    throw new FathomError("invalid", `invalid mount path: '${path}' mount path must be absolute`);
  if (cleanPath(path) === "/") throw new FathomError("invalid", "destination can't be '/'");
}

/** Without `.`, `..`, double slashes and a slash at the end. */
export function cleanPath(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith("/") ? normal.slice(0, -1) : normal;
}

/** The OCI mount of a bind. */
export function bindMount(point: Pick<MountPoint, "Source" | "Destination" | "RW" | "Propagation">): Mount {
  return {
    destination: point.Destination,
    type: "bind",
    source: point.Source,
    options: ["rbind", ...(point.RW ? [] : ["ro"]), point.Propagation],
  };
}

/** Flags of a tmpfs, each with the one that takes it back; the first of a pair that stands here is the default. */
const TMPFS_FLAGS: readonly (readonly [string, string])[] = [
  ["noexec", "exec"],
  ["nosuid", "suid"],
  ["nodev", "dev"],
];
const TMPFS_WORDS = [
  "ro",
  "rw",
  "atime",
  "noatime",
  "diratime",
  "nodiratime",
  "relatime",
  "norelatime",
  "strictatime",
  "nostrictatime",
  "sync",
  "async",
  "dirsync",
  "defaults",
];
const TMPFS_SETTINGS = ["size", "nr_blocks", "nr_inodes", "mode", "uid", "gid", "mpol"];

function checkTmpfs(options: string): void {
  const wrong = tmpfsWords(options).find((word) => {
    const [key = ""] = word.split("=");
    return word.includes("=")
      ? !TMPFS_SETTINGS.includes(key)
      : ![...TMPFS_WORDS, ...TMPFS_FLAGS.flat()].includes(word);
  });
  if (wrong !== undefined) throw new FathomError("invalid", `Invalid tmpfs option ["${wrong}"]`);
}

/** `--tmpfs /run:size=10m,exec`: Docker's safe flags, but for those that the user takes back. */
export function tmpfsMount(destination: string, options: string): Mount {
  const words = tmpfsWords(options).filter((word) => word !== "defaults");
  const flags = TMPFS_FLAGS.flatMap(([safe, open]) => (words.includes(open) ? [] : [safe]));
  const others = words.filter((word) => !flags.includes(word));
  return {
    destination: cleanPath(destination),
    type: "tmpfs",
    source: "tmpfs",
    options: [...flags, DEFAULT_PROPAGATION, ...others],
  };
}

/** `--mount type=tmpfs,tmpfs-size=…,tmpfs-mode=…` as the options of `--tmpfs`. */
export function tmpfsOptionsOf(mount: MountRequest): string {
  const { SizeBytes: size = 0, Mode: mode = 0 } = mount.TmpfsOptions ?? {};
  const words = [mode > 0 && `mode=${mode.toString(8)}`, size > 0 && `size=${size}`, mount.ReadOnly && "ro"];
  return words.filter((word) => word !== false && word !== undefined).join(",");
}

function tmpfsWords(options: string): string[] {
  return options.split(",").filter((word) => word !== "");
}
