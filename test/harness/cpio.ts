/** Archives as the kernel unpacks them at boot: Documentation/driver-api/early-userspace/buffer-format.rst, "newc". */

import { readFile } from "node:fs/promises";
import { dirname } from "node:path";

/** A regular file by its path without a leading slash; directories above it are made. */
export type InitialFile = { path: string; mode: number } & (
  | { content: string | Uint8Array }
  | { from: string }
);

const REGULAR = 0o100_000;
const DIRECTORY = 0o040_000;
const CHARACTER = 0o020_000;

export async function cpioOf(files: readonly InitialFile[]): Promise<Uint8Array> {
  const directories = new Set(files.flatMap(({ path }) => parentsOf(path)));
  const blocks = [...directories].map((path) => entry(path, { mode: DIRECTORY | 0o755 }));
  blocks.push(entry("dev", { mode: DIRECTORY | 0o755 }));
  blocks.push(entry("dev/console", { mode: CHARACTER | 0o600, device: [5, 1] }));
  for (const file of files) {
    const content = "from" in file ? await readFile(file.from) : Buffer.from(file.content);
    blocks.push(entry(file.path, { mode: REGULAR | file.mode, content }));
  }
  return Buffer.concat([...blocks, entry("TRAILER!!!", { mode: 0 })]);
}

/** The directories above a path, outermost first. */
function parentsOf(path: string): string[] {
  const parent = dirname(path);
  return parent === "." ? [] : [...parentsOf(parent), parent];
}

interface Entry {
  mode: number;
  content?: Uint8Array;
  device?: [major: number, minor: number];
}

/** Header of eight hexadecimal digits a field, name, content; name and content end at multiples of four. */
function entry(path: string, { mode, content = new Uint8Array(), device = [0, 0] }: Entry): Buffer {
  const name = Buffer.from(`${path}\0`);
  const fields = [0, mode, 0, 0, 1, 0, content.length, 0, 0, ...device, name.length, 0];
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}`;
  return Buffer.concat([padded(Buffer.concat([Buffer.from(header), name])), padded(content)]);
}

function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}
