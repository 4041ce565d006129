/** Small images as tar archives, made without the engine under test. */

import { readFile } from "node:fs/promises";
import { run } from "./program.ts";

/** An entry of an archive, hostile ones included: nothing is checked. */
export interface Entry {
  path: string;
  /** Of ustar: 0 file, 1 hard link, 2 symbolic link, 3 character device, 5 directory. */
  type?: "0" | "1" | "2" | "3" | "5";
  mode?: number;
  content?: Uint8Array | string;
  link?: string;
  device?: [number, number];
}

const BLOCK = 512;

/** A ustar archive of these entries, byte for byte as named. */
export function tarOf(entries: readonly Entry[]): Uint8Array {
  const blocks = entries.flatMap((entry) => {
    const content = Buffer.from(entry.content ?? "");
    const padding = Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK);
    return [header(entry, content.length), content, padding];
  });
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}

function header(entry: Entry, size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, length: number) =>
    block.write(`${value.toString(8).padStart(length - 1, "0")}\0`, at);
  block.write(entry.path, 0, 100);
  octal(entry.mode ?? 0o755, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(1_700_000_000, 136, 12);
  block.write(entry.type ?? "0", 156);
  block.write(entry.link ?? "", 157, 100);
  block.write("ustar\x0000", 257);
  octal(entry.device?.[0] ?? 0, 329, 8);
  octal(entry.device?.[1] ?? 0, 337, 8);
  block.write("        ", 148);
  octal(
    block.reduce((sum, byte) => sum + byte, 0),
    148,
    8,
  );
  return block;
}

let busybox: Promise<Uint8Array> | undefined;

/** A root file system of busybox, with a few files under /bad that cannot be run. */
export function busyboxArchive(): Promise<Uint8Array> {
  busybox ??= makeBusybox();
  return busybox;
}

async function makeBusybox(): Promise<Uint8Array> {
  const program = await readFile("/bin/busybox");
  const { stdout } = await run(["/bin/busybox", "--list"]);
  const applets = stdout.split("\n").filter((name) => name !== "" && name !== "busybox");
  const directory = (path: string, mode = 0o755): Entry => ({ path: `${path}/`, type: "5", mode });
  return tarOf([
    ...["bin", "etc", "root", "home", "dev", "proc", "sys", "usr", "usr/bin", "var", "bad"].map((path) =>
      directory(path),
    ),
    directory("tmp", 0o1777),
    { path: "bin/busybox", content: program },
    ...applets.map((name): Entry => ({ path: `bin/${name}`, type: "1", link: "bin/busybox" })),
    {
      path: "etc/passwd",
      mode: 0o644,
      content: "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/home:/bin/sh\n",
    },
    { path: "etc/group", mode: 0o644, content: "root:x:0:\napp:x:1000:\nextra:x:2000:app\n" },
    { path: "bad/plain", mode: 0o644, content: "no program\n" },
    { path: "bad/interpreter", content: "#!/nowhere/sh\n" },
    { path: "bad/architecture", content: otherArchitecture(program) },
  ]);
}

/** The same program, said to be for a processor that is not this one (e_machine at 18, elf(5)). */
function otherArchitecture(program: Buffer): Buffer {
  const other = Buffer.from(program);
  const EM_S390 = 22;
  other.writeUInt16LE(EM_S390, 18);
  return other;
}
