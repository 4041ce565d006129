/** `-v` and `--mount`. */

import type { MountRequest } from "../../spec/docker.ts";
import { parseBinarySize } from "../../std/units.ts";
import { splitCsv } from "./csv.ts";

/**
 * `-v` as docker splits it: with a source it is a bind or a named volume, which the daemon tells apart; a path alone is an anonymous
 * volume. A relative source that starts with a dot is resolved here, because the daemon's directory is not ours.
 */
export function splitVolumes(volumes: readonly string[]): { binds: string[]; anonymous: string[] } {
  const binds: string[] = [];
  const anonymous: string[] = [];
  for (const volume of volumes) {
    const [source = "", ...rest] = volume.split(":");
    if (rest.length === 0) anonymous.push(volume);
    else binds.push([/^\.{1,2}(\/|$)/.test(source) ? absolute(source) : source, ...rest].join(":"));
  }
  return { binds, anonymous };
}

function absolute(path: string): string {
  return decodeURIComponent(
    new URL(path.split("/").map(encodeURIComponent).join("/"), `file://${process.cwd()}/`).pathname,
  ).replace(/(.)\/$/, "$1");
}

/** How each key of --mount changes the request; keys that are flags may stand without a value. */
const KEYS: Readonly<Record<string, (mount: MountRequest, value: string) => void>> = {
  type: (mount, value) => {
    mount.Type = value.toLowerCase() as MountRequest["Type"];
  },
  source: (mount, value) => {
    mount.Source = /^\.{1,2}(\/|$)/.test(value) ? absolute(value) : value;
  },
  target: (mount, value) => {
    mount.Target = value;
  },
  readonly: (mount, value) => {
    mount.ReadOnly = boolean("readonly", value);
  },
  "bind-propagation": (mount, value) => {
    mount.BindOptions = { ...mount.BindOptions, Propagation: value.toLowerCase() };
  },
  "bind-nonrecursive": (mount, value) => {
    mount.BindOptions = { ...mount.BindOptions, NonRecursive: boolean("bind-nonrecursive", value) };
  },
  "bind-recursive": (mount, value) => {
    mount.BindOptions = { ...mount.BindOptions, ...recursion(value) };
  },
  consistency: (mount, value) => {
    mount.Consistency = value.toLowerCase();
  },
  "image-subpath": (mount, value) => {
    mount.ImageOptions = { ...mount.ImageOptions, Subpath: value };
  },
  "volume-nocopy": (mount, value) => {
    mount.VolumeOptions = { ...mount.VolumeOptions, NoCopy: boolean("volume-nocopy", value) };
  },
  "volume-subpath": (mount, value) => {
    mount.VolumeOptions = { ...mount.VolumeOptions, Subpath: value };
  },
  "volume-driver": (mount, value) => {
    mount.VolumeOptions = {
      ...mount.VolumeOptions,
      DriverConfig: { ...mount.VolumeOptions?.DriverConfig, Name: value },
    };
  },
  "volume-opt": (mount, value) => {
    const driver = mount.VolumeOptions?.DriverConfig;
    const Options = { ...driver?.Options, ...pairOf(value) };
    mount.VolumeOptions = { ...mount.VolumeOptions, DriverConfig: { ...driver, Options } };
  },
  "volume-label": (mount, value) => {
    mount.VolumeOptions = {
      ...mount.VolumeOptions,
      Labels: { ...mount.VolumeOptions?.Labels, ...pairOf(value) },
    };
  },
  "tmpfs-size": (mount, value) => {
    mount.TmpfsOptions = { ...mount.TmpfsOptions, SizeBytes: size(value) };
  },
  "tmpfs-mode": (mount, value) => {
    if (!/^[0-7]+$/.test(value)) throw new Error(`invalid value for tmpfs-mode: ${value}`);
    mount.TmpfsOptions = { ...mount.TmpfsOptions, Mode: Number.parseInt(value, 8) };
  },
};

/** How far down a bind goes, and how far down it is read-only. */
function recursion(value: string): NonNullable<MountRequest["BindOptions"]> {
  switch (value) {
    case "enabled":
      return {};
    case "disabled":
      return { NonRecursive: true };
    case "writable":
      return { ReadOnlyNonRecursive: true };
    case "readonly":
      return { ReadOnlyForceRecursive: true };
    default:
      throw new Error(
        `invalid value for bind-recursive: ${value} (must be "enabled", "disabled", "writable", or "readonly")`,
      );
  }
}

const ALIASES: Readonly<Record<string, string>> = {
  src: "source",
  dst: "target",
  destination: "target",
  ro: "readonly",
};

const FLAGS: ReadonlySet<string> = new Set(["readonly", "bind-nonrecursive", "volume-nocopy"]);

/** `type=bind,src=/a,dst=/b,readonly`. Throws in docker's words. */
export function parseMount(text: string): MountRequest {
  const mount: MountRequest = { Type: "volume", Target: "" };
  for (const field of splitCsv(text)) {
    const equals = field.indexOf("=");
    const typed = (equals < 0 ? field : field.slice(0, equals)).toLowerCase();
    const key = ALIASES[typed] ?? typed;
    if (equals < 0 && !FLAGS.has(key)) throw new Error(`invalid field '${field}' must be a key=value pair`);
    const set = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
    if (!set) throw new Error(`unexpected key '${typed}' in '${field}'`);
    set(mount, equals < 0 ? "true" : field.slice(equals + 1));
  }
  checkMount(mount);
  return mount;
}

function checkMount(mount: MountRequest): void {
  if (!mount.Type) throw new Error("type is required");
  if (!mount.Target) throw new Error("target is required");
  if (mount.VolumeOptions && mount.Type !== "volume") throw mixed("volume-*", mount.Type);
  if (mount.BindOptions && mount.Type !== "bind") throw mixed("bind-*", mount.Type);
  if (mount.TmpfsOptions && mount.Type !== "tmpfs") throw mixed("tmpfs-*", mount.Type);
  if (mount.ImageOptions && mount.Type !== "image") throw mixed("image-*", mount.Type);
  checkRecursion(mount);
}

function checkRecursion({ BindOptions, ReadOnly }: MountRequest): void {
  const requires = (value: string, what: string) =>
    new Error(`option 'bind-recursive=${value}' requires '${what}' to be specified in conjunction`);
  if (BindOptions?.ReadOnlyNonRecursive && !ReadOnly) throw requires("writable", "readonly");
  if (!BindOptions?.ReadOnlyForceRecursive) return;
  if (!ReadOnly) throw requires("readonly", "readonly");
  if (BindOptions.Propagation !== "rprivate") throw requires("readonly", "bind-propagation=rprivate");
}

function mixed(options: string, type: string): Error {
  return new Error(`cannot mix '${options}' options with mount type '${type}'`);
}

function boolean(key: string, text: string): boolean {
  if (["1", "t", "true"].includes(text.toLowerCase())) return true;
  if (["0", "f", "false"].includes(text.toLowerCase())) return false;
  throw new Error(`invalid value for ${key}: ${text}`);
}

function size(text: string): number {
  try {
    return parseBinarySize(text);
  } catch (error) {
    throw new Error(`invalid value for tmpfs-size: ${text}`, { cause: error });
  }
}

function pairOf(text: string): Record<string, string> {
  const equals = text.indexOf("=");
  return equals < 0 ? { [text]: "" } : { [text.slice(0, equals)]: text.slice(equals + 1) };
}
