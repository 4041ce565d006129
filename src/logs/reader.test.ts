import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { demultiplexer } from "../std/stdcopy.ts";
import { type ReadOptions, readLog } from "./reader.ts";
import { LogFile } from "./writer.ts";

let directory = "";
let path = "";
beforeEach(() => {
  directory = mkdtempSync("/tmp/fathom-test-log-");
  path = join(directory, "x.log");
});
afterEach(() => rmSync(directory, { recursive: true }));

const everything: ReadOptions = {
  stdout: true,
  stderr: true,
  timestamps: false,
  details: false,
  since: 0n,
  until: 0n,
  framed: false,
  tail: "all",
};

async function read(options: Partial<ReadOptions> = {}): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const bytes of readLog(path, { ...everything, ...options })) parts.push(bytes);
  return Buffer.concat(parts).toString();
}

const record = (log: string, second: number, stream = "stdout") =>
  `${JSON.stringify({ log, stream, time: `2024-01-01T00:00:0${second}.5Z` })}\n`;
const at = (second: number) =>
  BigInt(Date.UTC(2024, 0, 1)) * 1_000_000n + BigInt(Math.round(second * 1e6)) * 1000n;
const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => `${from + index}\n`).join("");

/** Writes the numbers from 1 to `count` over many files. */
function writeNumbers(count: number, maxSize: number): void {
  using log = new LogFile({ path, maxSize, maxFiles: 100 });
  for (let number = 1; number <= count; number += 1) log.write("stdout", Buffer.from(`${number}\n`));
}

describe("the whole log", () => {
  test("gives back what the writer was given", async () => {
    const output = Buffer.from(
      `${'all \t\x00\x1f\x7f\u2028😀 \\ " / <&>\r\n'.repeat(2000)}${"€".repeat(20_000)}no end`,
    );
    {
      using log = new LogFile({ path, maxSize: 10_000, maxFiles: 100 });
      for (let from = 0; from < output.length; from += 999)
        log.write("stdout", output.subarray(from, from + 999));
    }
    expect(await read()).toBe(output.toString());
  });

  test("reads Docker's own files", async () => {
    const docker = readFileSync(join(import.meta.dir, "testdata/docker.log"), "utf8");
    writeFileSync(path, docker);
    const logs = docker
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line).log);
    expect(await read()).toBe(logs.join(""));
  });

  test("is empty where there is no file", async () => {
    expect(await read()).toBe("");
  });

  test("lines that are no record are left out, and so is a torn last one", async () => {
    const lines = [
      record("a\n", 1),
      "garbage\n",
      "\0\0\0\0\n",
      '{"log":1}\n',
      "null\n",
      record("b\n", 2),
      '{"log":"to',
    ];
    writeFileSync(path, lines.join(""));
    expect(await read()).toBe("a\nb\n");
    expect(await read({ tail: 1 })).toBe("b\n");
  });

  test("a record in another form of JSON is read too", async () => {
    writeFileSync(
      path,
      '{ "time":"2024-01-01T00:00:00Z", "stream":"stdout", "log":"\\ud83d\\ude00\\n" }\n' +
        '{"log":"\\ud83d\\ude00\\b","stream":"stderr","time":"2024-01-01T00:00:00Z"}\n',
    );
    expect(await read()).toBe("😀\n😀\b");
  });
});

describe("selection", () => {
  beforeEach(() => {
    writeFileSync(path, record("a\n", 1) + record("b\n", 2, "stderr") + record("c\n", 3) + record("d\n", 4));
  });

  test("since and until bound the time, both inclusive", async () => {
    expect(await read({ since: at(2) })).toBe("b\nc\nd\n");
    expect(await read({ since: at(2.5), until: at(3.5) })).toBe("b\nc\n");
    expect(await read({ since: at(2.500001) })).toBe("c\nd\n");
    expect(await read({ until: at(2) })).toBe("a\n");
  });

  test("one stream can be had alone", async () => {
    expect(await read({ stderr: false })).toBe("a\nc\nd\n");
    expect(await read({ stdout: false })).toBe("b\n");
  });

  test("timestamps have nine digits", async () => {
    expect(await read({ timestamps: true, tail: 1 })).toBe("2024-01-01T00:00:04.500000000Z d\n");
  });

  test("details come between time and text, sorted and escaped as in a URL", async () => {
    {
      using log = new LogFile({ path, maxSize: 0, maxFiles: 1, attributes: { b: "2", FOO: "a b&c" } });
      log.write("stderr", Buffer.from("err\n"));
    }
    expect(await read({ details: true, tail: 1 })).toBe("FOO=a+b%26c,b=2 err\n");
    expect(await read({ details: true, timestamps: true, tail: 1 })).toMatch(
      /^[-\dT:.]{29}Z FOO=a\+b%26c,b=2 err\n$/,
    );
    expect(await read({ tail: 1 })).toBe("err\n");
  });

  test("without a terminal the streams are framed", async () => {
    const seen: string[] = [];
    const take = demultiplexer((stream, bytes) => seen.push(`${stream}: ${Buffer.from(bytes)}`));
    for await (const bytes of readLog(path, { ...everything, framed: true, timestamps: true, tail: 3 }))
      take(bytes);
    expect(seen).toEqual([
      "stderr: 2024-01-01T00:00:02.500000000Z b\n",
      "stdout: 2024-01-01T00:00:03.500000000Z c\n",
      "stdout: 2024-01-01T00:00:04.500000000Z d\n",
    ]);
  });
});

describe("the tail", () => {
  test("counts over the borders of files and blocks", async () => {
    writeNumbers(3000, 5_000);
    for (const tail of [0, 1, 2, 70, 71, 72, 73, 999, 2999, 3000, 9999]) {
      expect(await read({ tail })).toBe(numbers(Math.max(1, 3001 - tail), 3000));
    }
  });

  test("is found in a large file", async () => {
    const line = record(`${"x".repeat(1000)}\n`, 1);
    writeFileSync(path, line.repeat(50_000) + record("last\n", 2));
    expect(await read({ tail: 1 })).toBe("last\n");
  });
});

describe("following", () => {
  /** Collects until told that the log is complete. */
  function follow(options: Partial<ReadOptions> = {}) {
    const ended = Promise.withResolvers<void>();
    const text = read({ ...options, followUntil: ended.promise });
    return { text, end: ended.resolve };
  }

  test("gives what is written later, and ends when told that nothing more comes", async () => {
    writeFileSync(path, record("a\n", 1));
    const { text, end } = follow();
    await Bun.sleep(20);
    appendFileSync(path, record("b\n", 2));
    await Bun.sleep(20);
    appendFileSync(path, record("c\n", 3));
    end();
    expect(await text).toBe("a\nb\nc\n");
  });

  test("gives a record only when it is whole", async () => {
    const whole = record("one piece\n", 1);
    writeFileSync(path, whole.slice(0, 20));
    const { text, end } = follow();
    await Bun.sleep(20);
    appendFileSync(path, whole.slice(20));
    await Bun.sleep(20);
    end();
    expect(await text).toBe("one piece\n");
  });

  test("begins with a log that is not there yet", async () => {
    const { text, end } = follow();
    await Bun.sleep(20);
    appendFileSync(path, record("first\n", 1));
    await Bun.sleep(20);
    end();
    expect(await text).toBe("first\n");
  });

  test("loses and repeats nothing over rotations while it reads", async () => {
    const { text, end } = follow();
    using log = new LogFile({ path, maxSize: 20_000, maxFiles: 50 });
    for (let number = 1; number <= 5000; number += 1) {
      log.write("stdout", Buffer.from(`${number}\n`));
      if (number % 250 === 0) await Bun.sleep(1);
    }
    end();
    expect(await text).toBe(numbers(1, 5000));
  });

  test("starts at the tail", async () => {
    writeNumbers(100, 0);
    const ended = Promise.withResolvers<void>();
    const pieces = readLog(path, { ...everything, tail: 2, followUntil: ended.promise });
    const next = async () => Buffer.from((await pieces.next()).value ?? []).toString();
    expect(await next()).toBe(numbers(99, 100));
    using log = new LogFile({ path, maxSize: 0, maxFiles: 1 });
    log.write("stdout", Buffer.from("101\n"));
    ended.resolve();
    expect(await next()).toBe("101\n");
    expect(await next()).toBe("");
  });

  test("goes on where a new writer has cut off a torn record", async () => {
    writeFileSync(path, `${record("a\n", 1)}{"log":"torn by a kill`);
    const { text, end } = follow();
    await Bun.sleep(20);
    using log = new LogFile({ path, maxSize: 0, maxFiles: 1 });
    log.write("stdout", Buffer.from("b\n"));
    await Bun.sleep(20);
    end();
    expect(await text).toBe("a\nb\n");
  });

  test("ends at `until` while nothing is written", async () => {
    writeFileSync(path, record("a\n", 1));
    const begun = Date.now();
    expect(
      await read({ until: BigInt(begun + 100) * 1_000_000n, followUntil: new Promise(() => undefined) }),
    ).toBe("a\n");
    expect(Date.now() - begun).toBeLessThan(1000);
  });

  test("ends when it is aborted", async () => {
    writeFileSync(path, record("a\n", 1));
    const signal = AbortSignal.timeout(50);
    expect(await read({ signal, followUntil: new Promise(() => undefined) })).toBe("a\n");
  });
});

test("a read stops at a given position, also when the file has been rotated since", async () => {
  using log = new LogFile({ path, maxSize: 300, maxFiles: 10 });
  for (const number of [1, 2, 3, 4, 5, 6]) log.write("stdout", Buffer.from(`${number}\n`));
  const stopAt = log.position;
  expect(stopAt.offset).toBeGreaterThan(0);
  for (const number of [7, 8, 9, 10, 11, 12]) log.write("stdout", Buffer.from(`${number}\n`));
  expect(await read({ stopAt })).toBe(numbers(1, 6));
  expect(await read({ stopAt, tail: 2 })).toBe(numbers(5, 6));
  expect(await read()).toBe(numbers(1, 12));
});
