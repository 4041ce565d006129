import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { type ReadOptions, readLog } from "./reader.ts";
import { LogFile } from "./writer.ts";

let directory = "";
let path = "";
beforeEach(() => {
  directory = mkdtempSync("/tmp/fathom-test-log-");
  path = join(directory, "x.log");
});
afterEach(() => rmSync(directory, { recursive: true }));

const open = (compress: boolean) => new LogFile({ path, maxSize: 20_000, maxFiles: 40, compress });
const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => `${from + index}\n`).join("");

async function read(options: Partial<ReadOptions> = {}): Promise<string> {
  const how = {
    stdout: true,
    stderr: true,
    timestamps: false,
    details: false,
    since: 0n,
    until: 0n,
  } as const;
  const parts: Uint8Array[] = [];
  for await (const bytes of readLog(path, { ...how, framed: false, tail: "all", ...options }))
    parts.push(bytes);
  return Buffer.concat(parts).toString();
}

async function write(log: LogFile, from: number, to: number): Promise<void> {
  for (let number = from; number <= to; number += 1) {
    log.write("stdout", Buffer.from(`${number}\n`));
    if (number % 100 === 0) await Bun.sleep(0);
  }
}

async function settled(log: LogFile): Promise<void> {
  while (log.busy) await Bun.sleep(2);
}

const plain = () => readdirSync(directory).filter((name) => /^x\.log\.\d+$/.test(name));

test("what is rotated is compressed, and zcat can read it", async () => {
  using log = open(true);
  await write(log, 1, 2000);
  await settled(log);
  expect(plain()).toEqual([]);
  const packed = readdirSync(directory).filter((name) => /^x\.log\.\d+\.gz$/.test(name));
  expect(packed.length).toBeGreaterThan(4);
  const oldest = gunzipSync(readFileSync(`${path}.${packed.length}.gz`)).toString();
  expect(JSON.parse(oldest.split("\n")[0] ?? "").log).toBe("1\n");
  expect(readdirSync(directory)).toHaveLength(packed.length + 1);
});

test("it is read as if it were not compressed, from either end", async () => {
  using log = open(true);
  await write(log, 1, 3000);
  await settled(log);
  expect(await read()).toBe(numbers(1, 3000));
  for (const tail of [1, 300, 1499, 1500, 2999, 3000, 9999])
    expect(await read({ tail })).toBe(numbers(Math.max(1, 3001 - tail), 3000));
});

test("whoever follows gets every line once while files are rotated and compressed", async () => {
  const ended = Promise.withResolvers<void>();
  const followers = [1, 2, 3].map(() => read({ followUntil: ended.promise }));
  using log = open(true);
  await write(log, 1, 2500);
  const late = read({ followUntil: ended.promise });
  await write(log, 2501, 5000);
  ended.resolve();
  for (const text of await Promise.all([...followers, late])) expect(text).toBe(numbers(1, 5000));
});

test("whoever reads while files are compressed gets every line once", async () => {
  {
    using log = open(false);
    await write(log, 1, 4000);
  }
  using log = open(true);
  while (log.busy) expect(await read()).toBe(numbers(1, 4000));
  expect(plain()).toEqual([]);
  expect(await read()).toBe(numbers(1, 4000));
});

test("what a writer that was killed has left is put right by the next", async () => {
  {
    using log = open(false);
    await write(log, 1, 1000);
  }
  writeFileSync(`${path}.gz.new`, "half of it");
  {
    using log = open(true);
    await settled(log);
  }
  // Killed between the two: both forms are there.
  writeFileSync(`${path}.1`, gunzipSync(readFileSync(`${path}.1.gz`)));
  expect(await read()).toBe(numbers(1, 1000));
  using log = open(true);
  await settled(log);
  expect(readdirSync(directory).filter((name) => !/^x\.log(\.\d+\.gz)?$/.test(name))).toEqual([]);
  expect(await read()).toBe(numbers(1, 1000));
});

test("no more files remain than allowed, compressed or not", async () => {
  using log = new LogFile({ path, maxSize: 2000, maxFiles: 4, compress: true });
  await write(log, 1, 1000);
  await settled(log);
  expect(readdirSync(directory).sort()).toEqual(["x.log", "x.log.1.gz", "x.log.2.gz", "x.log.3.gz"]);
  expect(numbers(1, 1000)).toEndWith(await read());
});

test("a file that cannot be compressed stays as it is, and the failure is told", async () => {
  const losses: string[] = [];
  using log = new LogFile({
    ...{ path, maxSize: 2000, maxFiles: 9, compress: true },
    onLoss: (error, bytes) => losses.push(`${error.message} ${bytes}`),
  });
  // A directory in the way.
  const { mkdirSync } = await import("node:fs");
  mkdirSync(`${path}.gz.new`);
  await write(log, 1, 60);
  await settled(log);
  expect(losses.length).toBeGreaterThan(0);
  expect(await read()).toBe(numbers(1, 60));
});
