/** Archives that are small and want much: the disk, the memory, the time. They are refused or read, and the engine goes on. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { open, readdir, readFile, statfs } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { type Disk, loopDisk } from "../harness/loop_disk.ts";
import { type Engine, eventually, startFathom, tarOf } from "../harness/mod.ts";

const MB = 1024 * 1024;
const BOMB = 10_000 * MB;
/** Of small files; a million take a minute: FATHOM_TEST_ENTRIES=1000000. */
const ENTRIES = Number(process.env.FATHOM_TEST_ENTRIES ?? 50_000);

let disk: Disk;
let engine: Engine;

beforeAll(async () => {
  disk = await loopDisk("ext4", 64);
  engine = await startFathom({ dataRoot: join(disk.path, "data") });
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  await disk[Symbol.asyncDispose]();
});

/** A name, and what makes one compressed stream of a piece; streams behind each other are one. */
const COMPRESSIONS = [
  ["gzip", gzipSync],
  ["zstd", zstdCompressSync],
] as const;

/** Ten gigabytes of zeros behind a beginning, as a few megabytes at most. */
function bombOf(beginning: Uint8Array, compress: (piece: Uint8Array) => Buffer): Buffer {
  const piece = 100 * MB;
  const zeros = compress(new Uint8Array(piece));
  return Buffer.concat([compress(beginning), ...Array.from({ length: BOMB / piece }, () => zeros)]);
}

/** Bytes in use, once nothing is being deleted any more. */
async function used(): Promise<number> {
  const { blocks, bfree, bsize } = await statfs(disk.path);
  return (blocks - bfree) * bsize;
}

async function refused(archive: Uint8Array): Promise<string> {
  const before = await used();
  const { status, text } = await engine.request("POST", "/images/create?fromSrc=-&repo=bomb", archive);
  expect(status >= 400 || text.includes('"error"')).toBe(true);
  await eventually("the room is back", async () => (await used()) < before + MB);
  for (const ingest of ["images/ingest", "layers/ingest"])
    expect(await readdir(join(engine.dataRoot, ingest))).toEqual([]);
  expect(await engine.output("docker", ["images", "-q", "bomb"])).toBe("");
  return text;
}

describe.each(COMPRESSIONS)("ten gigabytes of zeros in %s, on a disk of 64 MB", (_, compress) => {
  test("as one file are refused by its size, and nothing is left", async () => {
    const header = headerOf("big", 8 ** 11 - 1);
    expect(await refused(bombOf(header, compress))).toContain("larger than the file system");
  });

  test("behind the archive's end are refused when the disk is full, and nothing is left", async () => {
    expect(await refused(bombOf(tarOf([{ path: "f" }]), compress))).toMatch(/no space left|disk is full/);
  });

  test("and an image that fits comes in after that", async () => {
    const input = compress(tarOf([{ path: "f", content: "f" }]));
    await engine.output("docker", ["import", "-", "small"], { input });
    await engine.output("docker", ["rmi", "small"]);
  });
});

test("an archive of very many files takes no more memory than one of few", async () => {
  await using roomy = await startFathom({ bare: true });
  const archive = join(roomy.root, "many.tar");
  await writeMany(archive, ENTRIES / 10);
  await roomy.output("docker", ["import", archive, "few"], { timeout: 60_000 });
  const before = await peakOf(roomy);
  await writeMany(archive, ENTRIES);
  await roomy.output("docker", ["import", archive, "many"], { timeout: 300_000 });
  expect((await peakOf(roomy)) - before).toBeLessThan(64 * MB);
  await roomy.output("docker", ["rmi", "few", "many"]);
}, 400_000);

async function peakOf({ pid }: Engine): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmHWM:\s*(\d+) kB/.exec(status)?.[1]) * 1024;
}

/** A thousand files a directory, of a byte each. */
async function writeMany(path: string, count: number): Promise<void> {
  await using file = await open(path, "w");
  for (let at = 0; at < count; at += 1000) {
    const entries = Array.from({ length: 1000 }, (_, n) => ({ path: `d${at}/f${n}`, content: "x" }));
    await file.write(tarOf(entries).subarray(0, -1024));
  }
  await file.write(new Uint8Array(1024));
}

/** The header of a file of so many bytes, which ustar writes in eleven octal digits: 8 GB at most. */
function headerOf(path: string, size: number): Uint8Array {
  const header = Buffer.from(tarOf([{ path }]).subarray(0, 512));
  header.write(size.toString(8).padStart(11, "0"), 124);
  header.fill(0x20, 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}
