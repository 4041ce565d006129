/** A container's mounts as the runtime takes them, and what destinations and tmpfs options are allowed. Pure. */

import { posix } from "node:path";
import type { MountRequest } from "../../spec/docker.ts";
import type { Mount } from "../../spec/oci_runtime.ts";
import { FathomError } from "../../std/errors.ts";
import type { MountRecord } from "./record.ts";

/** @throws {FathomError} invalid, in Docker's words */
export function checkDestination(path: string): void {
  if (!path.startsWith("/"))
    throw new FathomError("invalid", `invalid mount path: '${path}' mount path must be absolute`);
  if (cleanPath(path) === "/") throw new FathomError("invalid", "destination can't be '/'");
}

/** Without `.`, `..`, double slashes and a slash at the end. */
export function cleanPath(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith("/") ? normal.slice(0, -1) : normal;
}

type Bound = Pick<MountRecord, "Source" | "Destination" | "RW" | "Propagation" | "Details">;

/**
 * The OCI mount of what is on the host at `source`. Read-only goes all the way down (`rro`), unless only the mount itself is
 * meant; a volume has no propagation of its own.
 */
export function bindMount(point: Bound, source = point.Source): Mount {
  const { nonRecursive, shallowReadOnly } = point.Details ?? {};
  const readOnly = shallowReadOnly ? "ro" : "rro";
  return {
    destination: point.Destination,
    type: "bind",
    source,
    options: [
      nonRecursive ? "bind" : "rbind",
      ...(point.RW ? [] : [readOnly]),
      ...(point.Propagation === "" ? [] : [point.Propagation]),
    ],
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

/** @throws {FathomError} invalid, naming the option */
export function checkTmpfs(options: string): void {
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
    options: [...flags, "rprivate", ...others],
  };
}

/** `--mount type=tmpfs,tmpfs-size=…,tmpfs-mode=…` as the options of `--tmpfs`. */
export function tmpfsOptionsOf(mount: MountRequest): string {
  const { SizeBytes: size = 0, Mode: mode = 0, Options: more } = mount.TmpfsOptions ?? {};
  const words = [
    mode > 0 && `mode=${mode.toString(8)}`,
    size > 0 && `size=${size}`,
    mount.ReadOnly && "ro",
    ...(more ?? []).map((option) => option.join("=")),
  ];
  return words.filter((word) => word !== false && word !== undefined).join(",");
}

function tmpfsWords(options: string): string[] {
  return options.split(",").filter((word) => word !== "");
}
