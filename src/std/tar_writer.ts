/**
 * Writes tar archives: ustar headers, and PAX records before an entry whose name, link or size does not fit one
 * (POSIX.1-2008 pax, "ustar Interchange Format" and "pax Interchange Format").
 *
 * The writer gives headers and padding only; content passes by it, so that large files stream.
 */

const BLOCK = 512;
const ENCODER = new TextEncoder();

export type TarType = "file" | "directory" | "symlink" | "hardlink";

export interface TarEntry {
  /** Path without a leading slash; a directory's ends in a slash or gets one. */
  path: string;
  type: TarType;
  /** Permission bits with set-id and sticky ones. */
  mode: number;
  /** Bytes of content that will follow; 0 for all but files. */
  size?: number;
  /** Target of a link. */
  link?: string;
  /** Seconds since the epoch. */
  mtime?: number;
  uid?: number;
  gid?: number;
}

const TYPE_FLAGS: Record<TarType, string> = { file: "0", hardlink: "1", symlink: "2", directory: "5" };
const LARGEST_OCTAL_SIZE = 0o77777777777;

/** The header of an entry, with a PAX header before it where needed. The content follows, then `tarPadding(size)`. */
export function tarHeader(entry: TarEntry): Uint8Array {
  const path = entry.type === "directory" && !entry.path.endsWith("/") ? `${entry.path}/` : entry.path;
  const records = paxRecords({ ...entry, path });
  const header = ustarHeader({ ...entry, path }, TYPE_FLAGS[entry.type]);
  if (records.length === 0) return header;
  const extended = ustarHeader(
    { path: `PaxHeaders/${path}`, type: "file", mode: 0o644, size: records.length },
    "x",
  );
  return concatenate([extended, records, tarPadding(records.length), header]);
}

/** Zeros that fill the last block of a content of `size` bytes. */
export function tarPadding(size: number): Uint8Array {
  return new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);
}

/** The two empty blocks that end an archive. */
export function tarEnd(): Uint8Array {
  return new Uint8Array(2 * BLOCK);
}

function ustarHeader(entry: TarEntry, typeFlag: string): Uint8Array {
  const header = new Uint8Array(BLOCK);
  const size = entry.size ?? 0;
  put(header, 0, { text: entry.path, length: 100 });
  put(header, 100, octal(entry.mode, 8));
  put(header, 108, octal(entry.uid ?? 0, 8));
  put(header, 116, octal(entry.gid ?? 0, 8));
  put(header, 124, octal(Math.min(size, LARGEST_OCTAL_SIZE), 12));
  put(header, 136, octal(Math.max(0, Math.floor(entry.mtime ?? 0)), 12));
  put(header, 148, { text: "        ", length: 8 });
  put(header, 156, { text: typeFlag, length: 1 });
  put(header, 157, { text: entry.link ?? "", length: 100 });
  put(header, 257, { text: "ustar\0" + "00", length: 8 });
  const sum = header.reduce((total, byte) => total + byte, 0);
  put(header, 148, { text: `${sum.toString(8).padStart(6, "0")}\0 `, length: 8 });
  return header;
}

interface Field {
  text: string;
  length: number;
}

function octal(value: number, length: number): Field {
  return { text: value.toString(8).padStart(length - 1, "0"), length };
}

/** Writes a field; what does not fit is cut off, and a PAX record has it whole. */
function put(header: Uint8Array, at: number, { text, length }: Field): void {
  header.set(ENCODER.encode(text).subarray(0, length), at);
}

function paxRecords(entry: TarEntry): Uint8Array {
  const records: string[] = [];
  if (ENCODER.encode(entry.path).length > 100) records.push(paxRecord("path", entry.path));
  if (entry.link && ENCODER.encode(entry.link).length > 100) records.push(paxRecord("linkpath", entry.link));
  if ((entry.size ?? 0) > LARGEST_OCTAL_SIZE) records.push(paxRecord("size", String(entry.size)));
  return ENCODER.encode(records.join(""));
}

/** `LENGTH KEY=VALUE\n`, where the length counts its own digits too. */
function paxRecord(key: string, value: string): string {
  const rest = ENCODER.encode(` ${key}=${value}\n`).length;
  let length = rest + String(rest).length;
  if (String(length).length > String(rest).length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
