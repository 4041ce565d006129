import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseRfc3339 } from "../std/time.ts";
import { type ReadOptions, readLog } from "./reader.ts";
import { LogFile, type LogFileOptions } from "./writer.ts";

let directory = "";
let path = "";
beforeEach(() => {
  directory = mkdtempSync("/tmp/fathom-test-log-");
  path = join(directory, "x.log");
});
afterEach(() => rmSync(directory, { recursive: true }));

const SECOND = 1_000_000_000n;
const BEGIN = BigInt(Date.UTC(2024, 0, 1)) * 1_000_000n;

async function read(options: Partial<ReadOptions>): Promise<string[]> {
  const how = { stdout: true, stderr: true, timestamps: true, details: false, since: 0n, until: 0n } as const;
  const parts: Uint8Array[] = [];
  for await (const bytes of readLog(path, { ...how, framed: false, tail: "all", ...options }))
    parts.push(bytes);
  return Buffer.concat(parts).toString().split("\n").filter(Boolean);
}

/** Writes lines of 100 bytes, numbered, each with the time that `clock` gives for its number. */
async function write(
  count: number,
  clock: (number: number) => bigint,
  more: Partial<LogFileOptions> = {},
): Promise<void> {
  let now = BEGIN;
  using log = new LogFile({ path, maxSize: -1, maxFiles: 1, ...more, now: () => now });
  for (let number = 0; number < count; number += 1) {
    now = clock(number);
    log.write(number % 3 === 0 ? "stderr" : "stdout", Buffer.from(`${String(number).padStart(99, "0")}\n`));
    if (more.compress && number % 500 === 0) await Bun.sleep(0);
  }
  while (log.busy) await Bun.sleep(5);
}

const timeOf = (line: string) => parseRfc3339(line.split(" ")[0] ?? "") ?? 0n;

/** That for any time the search gives what reading everything and choosing does. */
async function expectRight(times: readonly bigint[]): Promise<void> {
  const all = await read({});
  for (const since of times) {
    const expected = all.filter((line) => timeOf(line) >= since);
    expect(await read({ since })).toEqual(expected);
    const tail = 700;
    expect(await read({ since, tail })).toEqual(all.slice(-tail).filter((line) => timeOf(line) >= since));
  }
}

const everySecond = (number: number) => BEGIN + BigInt(number) * SECOND;
const TIMES = [-5, 0, 1, 1234, 5999, 6000, 8000, 9999, 10_000].flatMap((number) => {
  const time = everySecond(number);
  return [time - 1n, time, time + 1n];
});

describe("since", () => {
  test("begins at the time, to the nanosecond", async () => {
    await write(10_000, everySecond);
    await expectRight(TIMES);
  });

  test("is right where the clock was set back, and forth, within a file", async () => {
    // Back by 50 minutes at 6000, as far forth at 9000, and once more back to the beginning.
    const jumpy = (number: number) =>
      number < 6000 || (number >= 9000 && number < 9990)
        ? everySecond(number)
        : everySecond(number < 9000 ? number - 3000 : number - 9990);
    await write(10_000, jumpy);
    expect(readFileSync(`${path}.jumps`, "utf8").trim().split("\n")).toHaveLength(2);
    await expectRight(TIMES);
  });

  test("is right over rotated and compressed files, and passes over those that are older", async () => {
    const jumpy = (number: number) => everySecond(number < 6000 ? number : number - 3000);
    await write(10_000, jumpy, { maxSize: 200_000, maxFiles: 20, compress: true });
    expect(readdirSync(directory).filter((name) => name.endsWith(".gz")).length).toBeGreaterThan(5);
    await expectRight(TIMES.filter((_, index) => index % 3 === 1));
  });

  test("jumps of files that have gone are forgotten", async () => {
    const jumpy = (number: number) => everySecond(number < 100 ? number : number - 90);
    await write(10_000, jumpy, { maxSize: 100_000, maxFiles: 2 });
    expect(existsSync(`${path}.jumps`)).toBeFalse();
  });

  test("is right where so many jumps were noted that they are no longer known", async () => {
    const toAndFro = (number: number) => everySecond(number % 2 === 0 ? number : number - 30);
    await write(4000, toAndFro);
    await expectRight([everySecond(1000), everySecond(3990)]);
  });

  test("a clock that another process reads a little late is no jump", async () => {
    await write(100, everySecond);
    await write(100, (number) => everySecond(99) - 3_000_000n + BigInt(number));
    expect(existsSync(`${path}.jumps`)).toBeFalse();
    const times = (await read({})).map(timeOf);
    expect(times).toEqual(times.toSorted((one, other) => (one < other ? -1 : one > other ? 1 : 0)));
  });

  test("bounds beyond all years are bounds", async () => {
    await write(3, everySecond);
    expect(await read({ since: 10n ** 24n })).toEqual([]);
    expect(await read({ since: -(10n ** 24n), until: 10n ** 24n })).toHaveLength(3);
  });
});
