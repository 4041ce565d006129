/**
 * What stands in a container's /dev: the devices of every container, those that the configuration adds, and the usual links.
 *
 * Source: runtime-spec, config-linux.md, "Default Devices" and "Default Filesystems".
 */

import { basename, dirname } from "node:path/posix";
import { type Argument, AT, type Call, device as deviceNumber, named, S, text } from "../../kernel/mod.ts";
import type { Device, DeviceRule, RuntimeConfig } from "../../spec/oci_runtime.ts";
import { FathomError } from "../../std/errors.ts";
import { attachMount, cloneMount } from "./attach.ts";
import type { ProgramContext } from "./context.ts";
import { type Mounted, within } from "./mounts.ts";
import { makeDirectory, makeFile, type Opened } from "./rows.ts";
import { hasUserNamespace } from "./user_namespace.ts";

/** Name, major and minor: Documentation/admin-guide/devices.txt. */
const DEFAULT_DEVICES: readonly Device[] = [
  ["null", 1, 3],
  ["zero", 1, 5],
  ["full", 1, 7],
  ["random", 1, 8],
  ["urandom", 1, 9],
  ["tty", 5, 0],
].map(([name, major, minor]) => ({
  type: "c",
  path: `/dev/${name}`,
  major: Number(major),
  minor: Number(minor),
  fileMode: 0o666,
}));

const LINKS: readonly [name: string, target: string][] = [
  ["fd", "/proc/self/fd"],
  ["stdin", "/proc/self/fd/0"],
  ["stdout", "/proc/self/fd/1"],
  ["stderr", "/proc/self/fd/2"],
  ["core", "/proc/kcore"],
];

/** Making any node, and using the devices of every container: ptmx and the terminals behind it are devpts's. */
const DEFAULT_RULES: readonly DeviceRule[] = [
  { allow: true, type: "c", access: "m" },
  { allow: true, type: "b", access: "m" },
  ...DEFAULT_DEVICES.map(({ major, minor }) => usable(major, minor)),
  usable(5, 1),
  usable(5, 2),
  usable(136),
];

function usable(major: number, minor?: number): DeviceRule {
  return { allow: true, type: "c", major, ...(minor !== undefined && { minor }), access: "rwm" };
}

/** A configuration's device rules and behind them, as far as they are not among them, those without which no container works. */
export function deviceRules(rules: readonly DeviceRule[]): DeviceRule[] {
  if (rules.length === 0) return [];
  const key = ({ allow, type, major, minor, access }: DeviceRule) =>
    [allow, type, major ?? -1, minor ?? -1, access].join();
  const given = new Set(rules.map(key));
  return [...rules, ...DEFAULT_RULES.filter((rule) => !given.has(key(rule)))];
}

/**
 * Rows for /dev; none where the whole of it is a bind mount and so belongs to somebody else. No device can be made in a user
 * namespace, mknod(2): there the host's are bound, by clones that `before` makes.
 */
export function deviceRows(
  config: RuntimeConfig,
  mounted: Mounted,
  { devicePaths }: ProgramContext,
): { before: Call[]; rows: Call[] } {
  if (!ownsDev(config)) return { before: [], rows: [] };
  const own = config.linux.devices ?? [];
  const taken = new Set(own.map(({ path }) => path));
  const wanted = [...DEFAULT_DEVICES.filter(({ path }) => !taken.has(path)), ...own];
  const directories = new Map<string, Opened>();
  for (const path of ["/dev", ...wanted.map(({ path }) => dirname(path))]) {
    if (!directories.has(path)) directories.set(path, makeDirectory(...within(mounted, path)));
  }
  const dev = directories.get("/dev")?.fd ?? mounted.root;
  const bound = hasUserNamespace(config)
    ? wanted.map((device) => boundDevice(device, devicePaths?.get(device.path) ?? device.path, mounted))
    : [];
  const nodes = hasUserNamespace(config)
    ? bound.flatMap(({ rows }) => rows)
    : wanted.flatMap((device) => nodeRows(device, directories.get(dirname(device.path))?.fd ?? dev));
  return {
    before: bound.flatMap(({ before }) => before),
    rows: [
      ...[...directories.values()].flatMap(({ rows }) => rows),
      ...nodes,
      ...LINKS.map(([name, target]) => linkRow(dev, name, target)),
      ...ptmxRows(config, dev),
    ],
  };
}

/** A device of the host at another path. */
function boundDevice(
  { path, type }: Device,
  source: string,
  mounted: Mounted,
): { before: Call[]; rows: Call[] } {
  if (type === "p")
    throw new FathomError("unsupported", `the pipe ${path} cannot be made in a user namespace: leave it out`);
  const clone = cloneMount({ path: source }, { recursive: false, what: `clone the device ${source}` });
  const target = makeFile(...within(mounted, path));
  const see = `nsenter -t PID -m ls -l ${path}`;
  return {
    before: clone.rows,
    rows: [...target.rows, attachMount(clone.fd, target.fd, { what: `bind the device ${path}`, see })],
  };
}

/** The devices of a container: those of every one, and its own. */
export function devicesOf(config: RuntimeConfig): readonly Device[] {
  return [...DEFAULT_DEVICES, ...(config.linux.devices ?? [])];
}

/** Whether the engine fills /dev. */
export function ownsDev(config: RuntimeConfig): boolean {
  return !config.mounts.some(
    ({ destination, type, options = [] }) =>
      destination === "/dev" && (type === "bind" || options.includes("bind") || options.includes("rbind")),
  );
}

const TYPES = { c: S.IFCHR, u: S.IFCHR, b: S.IFBLK, p: S.IFIFO } as const;

function nodeRows(
  { type, path, major, minor, fileMode = 0o666, uid = 0, gid = 0 }: Device,
  directory: Argument,
): Call[] {
  const kind = TYPES[type];
  if (kind === undefined) throw new FathomError("invalid", `the device ${path} has an unknown type: ${type}`);
  const mode = fileMode & 0o7777;
  const name = text(basename(path));
  const shown = `S_IF${type === "b" ? "BLK" : type === "p" ? "IFO" : "CHR"}|0${mode.toString(8)}`;
  const number = type === "p" ? 0 : deviceNumber(major, minor);
  const rows: Call[] = [
    {
      call: "mknodat",
      args: [directory, name, named(kind | mode, shown), named(number, `makedev(${major}, ${minor})`)],
      may: ["EEXIST"],
      what: `make the device ${path}`,
      see: `nsenter -t PID -m ls -l ${path}`,
    },
  ];
  if (uid === 0 && gid === 0) return rows;
  const nofollow = named(AT.SYMLINK_NOFOLLOW, "AT_SYMLINK_NOFOLLOW");
  return [
    ...rows,
    { call: "fchownat", args: [directory, name, uid, gid, nofollow], what: `give away the device ${path}` },
  ];
}

function linkRow(directory: Argument, name: string, target: string): Call {
  return {
    call: "symlinkat",
    args: [text(target), directory, text(name)],
    may: ["EEXIST"],
    what: `link /dev/${name} to ${target}`,
  };
}

/** /dev/ptmx is the container's own only as a link into its own devpts. */
function ptmxRows({ mounts }: RuntimeConfig, dev: Argument): Call[] {
  if (!mounts.some(({ destination, type }) => destination === "/dev/pts" && type === "devpts")) return [];
  const away: Call = {
    call: "unlinkat",
    args: [dev, text("ptmx"), 0],
    may: ["ENOENT"],
    what: "remove /dev/ptmx",
  };
  return [away, linkRow(dev, "ptmx", "pts/ptmx")];
}
