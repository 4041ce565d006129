/**
 * Rows that make mounts: a mount is made or cloned without a place, given its attributes, and then put in its place.
 *
 * So no mount is ever seen with less protection than it is to have, and its place is a descriptor, which nobody can exchange
 * for a symbolic link in between. Source: fsopen(2), fsmount(2), open_tree(2), mount_setattr(2), move_mount(2).
 */

import {
  type Argument,
  AT,
  bytes,
  type Call,
  type Errno,
  FSCONFIG,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  flags,
  flagsText,
  MOUNT_ATTR,
  MOVE_MOUNT,
  MS,
  named,
  O,
  OPEN_TREE,
  result,
  text,
} from "../../kernel/mod.ts";
import type { Opened } from "./rows.ts";

export interface FileSystem {
  type: string;
  source?: string;
  /** `name` or `name=value`. */
  data: readonly string[];
  /** MOUNT_ATTR bits. */
  attributes: number;
}

/** A new file system's mount, not yet in any place. */
export function makeFileSystem({ type, source, data, attributes }: FileSystem, what: string): Opened {
  const open: Call = { call: "fsopen", args: [text(type), named(FSOPEN_CLOEXEC, "FSOPEN_CLOEXEC")], what };
  const context = result(open, `fd of ${type}`);
  const configure = (command: keyof typeof FSCONFIG, key: Argument, value: Argument): Call => ({
    call: "fsconfig",
    args: [context, named(FSCONFIG[command], `FSCONFIG_${command}`), key, value],
    what,
  });
  const settings = [...(source === undefined ? [] : [`source=${source}`]), ...data].map((option) => {
    const equals = option.indexOf("=");
    if (equals < 0) return configure("SET_FLAG", text(option), 0);
    return configure("SET_STRING", text(option.slice(0, equals)), text(option.slice(equals + 1)));
  });
  const create = configure("CMD_CREATE", 0, 0);
  const mount: Call = {
    call: "fsmount",
    args: [context, named(FSMOUNT_CLOEXEC, "FSMOUNT_CLOEXEC"), flags("MOUNT_ATTR", MOUNT_ATTR, attributes)],
    what,
  };
  return { rows: [open, ...settings, create, mount], fd: result(mount, `mount of ${type}`) };
}

export interface Clone {
  /** With the mounts below it. */
  recursive: boolean;
  may?: readonly Errno[];
  what: string;
  /** What its descriptor is called in later rows. */
  shown?: string;
}

/** A copy of the mount at a host path, or at a descriptor of the place; not yet in any place itself. */
export function cloneMount(
  from: { path: string } | { fd: Argument },
  { recursive, may, what, shown }: Clone,
): Opened {
  const empty = "fd" in from;
  const how = OPEN_TREE.CLONE | O.CLOEXEC | (recursive ? AT.RECURSIVE : 0) | (empty ? AT.EMPTY_PATH : 0);
  const clone: Call = {
    call: "open_tree",
    args: [
      empty ? from.fd : named(AT.FDCWD, "AT_FDCWD"),
      text(empty ? "" : from.path),
      named(
        how,
        `OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC${recursive ? "|AT_RECURSIVE" : ""}${empty ? "|AT_EMPTY_PATH" : ""}`,
      ),
    ],
    ...(may && { may }),
    what,
  };
  return { rows: [clone], fd: result(clone, shown ?? (empty ? "the clone" : `clone of ${from.path}`)) };
}

export interface Change {
  set?: number;
  clear?: number;
  /** MS.PRIVATE and so on. */
  propagation?: number;
  /** With MOUNT_ATTR.IDMAP: a descriptor of the user namespace with the maps. */
  users?: number;
  /** Also of all mounts below. */
  recursive: boolean;
  may?: readonly Errno[];
  what: string;
}

/** Changes a mount's attributes or propagation; no row where there is nothing to change. */
export function changeMount(mount: Argument, change: Change): Call[] {
  const { set = 0, clear = 0, propagation = 0, users = 0, recursive, may, what } = change;
  if (set === 0 && clear === 0 && propagation === 0) return [];
  const attributes = new BigUint64Array([BigInt(set), BigInt(clear), BigInt(propagation), BigInt(users)]);
  const shown = [
    set === 0 ? "" : `attr_set=${flagsText("MOUNT_ATTR", MOUNT_ATTR, set)}`,
    clear === 0 ? "" : `attr_clr=${flagsText("MOUNT_ATTR", CLEARED, clear)}`,
    propagation === 0 ? "" : `propagation=${flagsText("MS", MS, propagation)}`,
  ];
  const how = AT.EMPTY_PATH | (recursive ? AT.RECURSIVE : 0);
  const struct = bytes(new Uint8Array(attributes.buffer), `{${shown.filter(Boolean).join(", ")}}`);
  return [
    {
      call: "mount_setattr",
      args: [mount, text(""), flags("AT", AT, how), struct, attributes.byteLength],
      ...(may && { may }),
      what,
    },
  ];
}

export interface Attach {
  may?: readonly Errno[];
  what: string;
  see?: string;
}

/** Puts a mount in the place that a descriptor names. */
export function attachMount(mount: Argument, place: Argument, { may, what, see }: Attach): Call {
  return {
    call: "move_mount",
    args: [
      mount,
      text(""),
      place,
      text(""),
      flags("MOVE_MOUNT", MOVE_MOUNT, MOVE_MOUNT.F_EMPTY_PATH | MOVE_MOUNT.T_EMPTY_PATH),
    ],
    ...(may && { may }),
    what,
    ...(see !== undefined && { see }),
  };
}

/** The field of access times is cleared as a whole (mount_setattr(2)). */
const CLEARED = { ...MOUNT_ATTR, _ATIME: 0x70 } as const;
