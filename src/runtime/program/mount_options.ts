/**
 * Mount options as people write them, sorted by what the kernel makes of each.
 *
 * Source: mount(8), runtime-spec config.md (Linux mount options), mount_setattr(2), fsconfig(2).
 */

import { MOUNT_ATTR, MS } from "../../kernel/mod.ts";
import { FathomError } from "../../std/errors.ts";

/** Bits of MOUNT_ATTR to set and to clear. */
interface Attributes {
  set: number;
  clear: number;
}

export interface MountOptions {
  /** An existing place shown elsewhere, alone or with the mounts below it; absent: a file system is mounted. */
  bind?: "plain" | "recursive";
  /** Of the mount itself. */
  own: Attributes;
  /** Of the mount and all below it. */
  deep: Attributes;
  propagation?: { value: number; recursive: boolean };
  /** Of the file system: `sync`, or `size=64m`. */
  data: string[];
}

/** The access time bits are one field: setting it means clearing it first, and relatime is 0. */
const ATIME = 0x70;
const NOTHING: Attributes = { set: 0, clear: 0 };
const setting = (bits: number): Attributes => ({ set: bits, clear: 0 });
const clearing = (bits: number): Attributes => ({ set: 0, clear: bits });

const ATTRIBUTES: Readonly<Record<string, Attributes>> = {
  defaults: NOTHING,
  ro: setting(MOUNT_ATTR.RDONLY),
  rw: clearing(MOUNT_ATTR.RDONLY),
  nosuid: setting(MOUNT_ATTR.NOSUID),
  suid: clearing(MOUNT_ATTR.NOSUID),
  nodev: setting(MOUNT_ATTR.NODEV),
  dev: clearing(MOUNT_ATTR.NODEV),
  noexec: setting(MOUNT_ATTR.NOEXEC),
  exec: clearing(MOUNT_ATTR.NOEXEC),
  nodiratime: setting(MOUNT_ATTR.NODIRATIME),
  diratime: clearing(MOUNT_ATTR.NODIRATIME),
  nosymfollow: setting(MOUNT_ATTR.NOSYMFOLLOW),
  symfollow: clearing(MOUNT_ATTR.NOSYMFOLLOW),
  noatime: { set: MOUNT_ATTR.NOATIME, clear: ATIME },
  strictatime: { set: MOUNT_ATTR.STRICTATIME, clear: ATIME },
  relatime: clearing(ATIME),
  atime: clearing(ATIME),
  norelatime: clearing(ATIME),
  nostrictatime: clearing(ATIME),
};

const PROPAGATION: Readonly<Record<string, number>> = {
  private: MS.PRIVATE,
  shared: MS.SHARED,
  slave: MS.SLAVE,
  unbindable: MS.UNBINDABLE,
};

/** Opposites of file system flags that are off anyway, and flags that mean nothing to a mount made by descriptors. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  // These two say how deep the maps go that stand beside the options.
  "idmap",
  "ridmap",
  "async",
  "nomand",
  "mand",
  "loud",
  "silent",
  "nolazytime",
  "noiversion",
  "noacl",
]);

/** What cannot be had: each would need work after or beside the mount. */
const UNSUPPORTED: ReadonlySet<string> = new Set(["remount", "tmpcopyup"]);

/** @throws {FathomError} unsupported */
export function parseMountOptions(options: readonly string[]): MountOptions {
  const parsed: MountOptions = { own: NOTHING, deep: NOTHING, data: [] };
  for (const option of options) apply(parsed, option);
  return parsed;
}

function apply(parsed: MountOptions, option: string): void {
  const deep = option.startsWith("r") ? option.slice(1) : "";
  const own = ATTRIBUTES[option];
  const below = ATTRIBUTES[deep];
  const propagation = PROPAGATION[option] ?? PROPAGATION[deep];
  if (UNSUPPORTED.has(option))
    throw new FathomError("unsupported", `the mount option ${option} is not supported`);
  if (WITHOUT_EFFECT.has(option)) return;
  if (option === "bind") parsed.bind ??= "plain";
  else if (option === "rbind") parsed.bind = "recursive";
  else if (own !== undefined) parsed.own = combine(parsed.own, own);
  else if (below !== undefined && deep !== "defaults") parsed.deep = combine(parsed.deep, below);
  else if (propagation !== undefined)
    parsed.propagation = { value: propagation, recursive: !(option in PROPAGATION) };
  else parsed.data.push(option);
}

/** What comes later counts. */
function combine(before: Attributes, then: Attributes): Attributes {
  return {
    set: (before.set & ~then.clear) | then.set,
    clear: (before.clear & ~(then.set & ~ATIME)) | then.clear,
  };
}

/** The value of `linux.rootfsPropagation`. @throws {FathomError} invalid */
export function parsePropagation(name: string): { value: number; recursive: boolean } {
  const { propagation, data } = parseMountOptions([name]);
  if (propagation === undefined || data.length > 0)
    throw new FathomError(
      "invalid",
      `rootfsPropagation is ${name}; it must be private, slave, shared or unbindable`,
    );
  return propagation;
}
