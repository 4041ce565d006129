/** Rows that many topics need: opening, making and writing things beneath the container's root. */

import {
  type Argument,
  AT,
  bytes,
  type Call,
  type Errno,
  flagsText,
  named,
  O,
  RESOLVE,
  result,
  S,
  text,
} from "../../kernel/mod.ts";

export const AT_FDCWD = named(AT.FDCWD, "AT_FDCWD");

/** A descriptor that rows have opened, and those rows. */
export interface Opened {
  rows: Call[];
  fd: Argument;
}

/** Opens a path of the host to name a place (O_PATH). Only for paths that the engine itself has chosen. */
export function openHost(path: string): Opened {
  const row: Call = {
    call: "openat",
    args: [AT_FDCWD, text(path), named(O.PATH | O.CLOEXEC, "O_PATH|O_CLOEXEC")],
    what: `open ${path}`,
  };
  return { rows: [row], fd: result(row, `fd of ${path}`) };
}

export interface OpenIn {
  path: string;
  flags: number;
  /** More restrictions than RESOLVE_IN_ROOT. */
  resolve?: number;
  may?: readonly Errno[];
  what?: string;
}

/**
 * Opens a path as a process chrooted to `root` would find it: symbolic links and `..` stay inside, and links of /proc that lead
 * anywhere are not followed (openat2(2)). No path of an image is ever resolved in another way.
 */
export function openIn(root: Argument, { path, flags: how, resolve = 0, may, what }: OpenIn): Call {
  const restrictions = RESOLVE.IN_ROOT | RESOLVE.NO_MAGICLINKS | resolve;
  const openHow = new BigUint64Array([BigInt(how | O.CLOEXEC), 0n, BigInt(restrictions)]);
  const shown = `{flags=${flagsText("O", O, how | O.CLOEXEC)}, resolve=${flagsText("RESOLVE", RESOLVE, restrictions)}}`;
  return {
    call: "openat2",
    args: [root, text(relative(path)), bytes(new Uint8Array(openHow.buffer), shown), openHow.byteLength],
    ...(may && { may }),
    what: what ?? `open ${path} inside the root`,
  };
}

/** A path from the root without its leading slashes; the root itself is `.`. */
function relative(path: string): string {
  return components(path).join("/") || ".";
}

/** The names of a path; `.` and doubled slashes are left out, and `..` is resolved by text, as an image author means it. */
export function components(path: string): string[] {
  const names: string[] = [];
  for (const name of path.split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return names;
}

/**
 * Makes a directory with those above it, each beneath one that was opened inside the root, and gives it as an O_PATH descriptor.
 * What exists is left as it is.
 */
export function makeDirectory(
  root: Argument,
  path: string,
  { resolve = 0, what }: { resolve?: number; what?: (part: string) => string } = {},
): Opened {
  const rows: Call[] = [];
  let at: Argument = root;
  const names = components(path);
  for (const [index, name] of names.entries()) {
    const prefix = `/${names.slice(0, index + 1).join("/")}`;
    const made: Call = {
      call: "mkdirat",
      args: [at, text(name), named(0o755, "0755")],
      may: ["EEXIST", "EROFS"],
      what: `make the directory ${prefix}`,
    };
    const opened = openIn(root, {
      path: prefix,
      flags: O.PATH | O.DIRECTORY,
      resolve,
      ...(what && { what: what(prefix) }),
    });
    rows.push(made, opened);
    at = result(opened, `fd of ${prefix}`);
  }
  return { rows, fd: at };
}

/** Makes an empty file to mount something on, with the directories above it. */
export function makeFile(root: Argument, path: string, { resolve = 0 }: { resolve?: number } = {}): Opened {
  const names = components(path);
  const parent = makeDirectory(root, names.slice(0, -1).join("/"));
  const made: Call = {
    call: "mknodat",
    args: [parent.fd, text(names.at(-1) ?? "."), named(S.IFREG | 0o755, "S_IFREG|0755"), 0],
    may: ["EEXIST", "EROFS"],
    what: `make the file ${path}`,
  };
  const opened = openIn(root, { path, flags: O.PATH, resolve });
  return { rows: [...parent.rows, made, opened], fd: result(opened, `fd of ${path}`) };
}

/** Writes a text to an open control file. */
export function writeText(fd: Argument, value: string, what: string): Call {
  const data = new TextEncoder().encode(value);
  return { call: "write", args: [fd, bytes(data, JSON.stringify(value)), data.length], what };
}

/** prctl(2). */
export const PR = {
  SET_DUMPABLE: 4,
  SET_KEEPCAPS: 8,
  CAPBSET_DROP: 24,
  SET_NO_NEW_PRIVS: 38,
  CAP_AMBIENT: 47,
} as const;

export function prctl(option: keyof typeof PR, rest: readonly Argument[], what: string): Call {
  return { call: "prctl", args: [named(PR[option], `PR_${option}`), ...rest], what };
}
