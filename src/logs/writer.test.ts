import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { LogFile, type LogFileOptions } from "./writer.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync("/tmp/fathom-test-log-");
});
afterEach(() => rmSync(directory, { recursive: true }));

const bytes = (...parts: (string | number[])[]): Uint8Array =>
  Buffer.concat(parts.map((part) => Buffer.from(part as string)));
const options = (more: Partial<LogFileOptions> = {}): LogFileOptions => ({
  path: join(directory, "x.log"),
  maxSize: 0,
  maxFiles: 1,
  ...more,
});
/** What the files hold, oldest first. */
const records = (path = join(directory, "x.log")): { log: string; stream: string; time: string }[] =>
  readFileSync(path, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));

/** What a program wrote when Docker 20.10 wrote testdata/docker.log. */
function nastyOutput(): Uint8Array {
  const all = Array.from({ length: 256 }, (_, byte) => byte);
  return bytes(
    all,
    "\n",
    ...all.filter((byte) => byte !== 10).flatMap((byte) => ["a", [byte], "b\n"]),
    '<>&"\\/\x7f\u2028\u2029\ufffd😀\n',
    [0xed, 0xa0, 0x80, 0x7c, 0xc0, 0x80, 0x7c, 0xe0, 0x80, 0x80, 0x7c, 0xf4, 0x90, 0x80, 0x80, 0x7c],
    [0xf0, 0x9f, 0x98, 0x7c, 0xe2, 0x82, 10],
    [0xf0, 0x9f, 10, 0xe2, 0x82, 0xf0, 0x9f, 0x98, 0x80, 10],
    "\r\n\n\n",
    "tail without newline",
  );
}

describe("records", () => {
  test("every byte is written as Docker writes it", () => {
    const docker = readFileSync(join(import.meta.dir, "testdata/docker.log"), "utf8");
    const withoutTime = (text: string) => text.replaceAll(/"time":"[^"]*"/g, "");
    {
      using log = new LogFile(options());
      log.write("stdout", nastyOutput());
    }
    expect(withoutTime(readFileSync(join(directory, "x.log"), "utf8"))).toBe(withoutTime(docker));
  });

  test("chunks that fall anywhere give the same records as one chunk", () => {
    const output = bytes(
      nastyOutput() as never,
      "\n",
      "€".repeat(12_000),
      "\n",
      "x".repeat(16_384),
      "\n",
      "y".repeat(50_000),
    );
    const write = (path: string, size: number) => {
      using log = new LogFile(options({ path }));
      for (let at = 0; at < output.length; at += size) log.write("stdout", output.subarray(at, at + size));
    };
    const whole = join(directory, "whole");
    write(whole, output.length);
    const expected = records(whole).map(({ log }) => log);
    for (const size of [1, 7, 4096, 16_383, 16_384, 16_385]) {
      write(join(directory, String(size)), size);
      expect(records(join(directory, String(size))).map(({ log }) => log)).toEqual(expected);
    }
  });

  test("a record has the form of Docker's, its time with nanoseconds and without zeros at the end", () => {
    const before = Date.now();
    {
      using log = new LogFile(options());
      log.write("stderr", bytes("hello\r\n"));
    }
    const text = readFileSync(join(directory, "x.log"), "utf8");
    expect(text).toMatch(
      /^\{"log":"hello\\r\\n","stream":"stderr","time":"\d{4}-\d\d-\d\dT[\d:]{8}(\.\d{0,8}[1-9])?Z"\}\n$/,
    );
    const time = Date.parse(records()[0]?.time ?? "");
    expect(time).toBeGreaterThanOrEqual(before - 10);
    expect(time).toBeLessThanOrEqual(Date.now() + 10);
  });

  test("a line longer than 16 KiB is split at 16 KiB, as Docker does", () => {
    {
      using log = new LogFile(options());
      log.write(
        "stdout",
        bytes("w".repeat(40_000), "\n", "x".repeat(16_384), "\n", "y".repeat(16_383), "\n"),
      );
    }
    const lengths = records().map(({ log }) => [log.length, log.endsWith("\n")]);
    expect(lengths).toEqual([
      [16_384, false],
      [16_384, false],
      [7_233, true],
      [16_384, false],
      [1, true],
      [16_384, true],
    ]);
  });

  test("no character is lost where a long line is split", () => {
    {
      using log = new LogFile(options());
      log.write("stdout", bytes("€".repeat(6_000), "\n"));
    }
    expect(
      records()
        .map(({ log }) => log)
        .join(""),
    ).toBe(`${"€".repeat(6_000)}\n`);
  });

  test("lines of the two streams do not mix, however they are interleaved", () => {
    {
      using log = new LogFile(options());
      log.write("stdout", bytes("one "));
      log.write("stderr", bytes("other "));
      expect(log.unfinished("stdout")).toEqual(bytes("one "));
      log.write("stdout", bytes("line\n"));
      expect(log.unfinished("stdout")).toHaveLength(0);
      log.write("stderr", bytes("line\n"));
    }
    expect(records().map(({ stream, log }) => [stream, log])).toEqual([
      ["stdout", "one line\n"],
      ["stderr", "other line\n"],
    ]);
  });

  test("attributes stand between stream and time, escaped as JSON", () => {
    {
      using log = new LogFile(options({ attributes: { tag: 'a"b' } }));
      log.write("stdout", bytes("hi\n"));
    }
    expect(readFileSync(join(directory, "x.log"), "utf8")).toStartWith(
      '{"log":"hi\\n","stream":"stdout","attrs":{"tag":"a\\"b"},"time":"',
    );
  });
});

describe("rotation", () => {
  test("files are kept up to the number allowed, and no line is torn or lost between them", () => {
    {
      using log = new LogFile(options({ maxSize: 1000, maxFiles: 3 }));
      for (let number = 1; number <= 100; number += 1) log.write("stdout", bytes(`${number}\n`));
    }
    expect(readdirSync(directory).sort()).toEqual(["x.log", "x.log.1", "x.log.2"]);
    const path = join(directory, "x.log");
    const numbers = [`${path}.2`, `${path}.1`, path].flatMap((part) =>
      records(part).map(({ log }) => Number(log)),
    );
    expect(numbers.at(-1)).toBe(100);
    expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
    expect(readFileSync(`${path}.1`).length).toBeGreaterThanOrEqual(1000);
    expect(readFileSync(`${path}.1`).length).toBeLessThan(1100);
  });

  test("one chunk of many lines is spread over files", () => {
    {
      using log = new LogFile(options({ maxSize: 10_000, maxFiles: 10 }));
      log.write("stdout", bytes("line\n".repeat(500)));
    }
    const path = join(directory, "x.log");
    const parts = readdirSync(directory);
    expect(parts).toHaveLength(4);
    expect(parts.flatMap((name) => records(join(directory, name)))).toHaveLength(500);
    expect(records(path).length).toBeLessThan(500);
  });

  test("with one file allowed the log begins anew", () => {
    {
      using log = new LogFile(options({ maxSize: 500, maxFiles: 1 }));
      for (let number = 1; number <= 20; number += 1) log.write("stdout", bytes(`${number}\n`));
    }
    expect(readdirSync(directory)).toEqual(["x.log"]);
    expect(records().at(-1)?.log).toBe("20\n");
    expect(records().length).toBeLessThan(20);
  });

  test("where rotation fails the log goes on in the old file", () => {
    const losses: number[] = [];
    {
      using log = new LogFile(options({ maxSize: 200, maxFiles: 2, onLoss: (_, lost) => losses.push(lost) }));
      // A directory that is not empty stands where the old file would go.
      writeFileSync(join(directory, "keep"), "");
      rmSync(join(directory, "x.log.1"), { force: true });
      mkdirSync(join(directory, "x.log.1/full"), { recursive: true });
      for (let number = 1; number <= 10; number += 1) log.write("stdout", bytes(`${number}\n`));
    }
    expect(records().map(({ log }) => Number(log))).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(losses.every((lost) => lost === 0)).toBeTrue();
    expect(losses.length).toBeGreaterThan(0);
  });
});

describe("opening", () => {
  test("a log is appended to", () => {
    for (const text of ["one\n", "two\n"]) {
      using log = new LogFile(options());
      log.write("stdout", bytes(text));
    }
    expect(records().map(({ log }) => log)).toEqual(["one\n", "two\n"]);
  });

  test("a record torn by a crash is cut off, however long it is", () => {
    const whole = '{"log":"a\\n","stream":"stdout","time":"2013-08-25T10:52:22Z"}\n';
    for (const torn of ['{"log":"half', `{"log":"${"x".repeat(200_000)}`]) {
      writeFileSync(join(directory, "x.log"), whole + torn);
      {
        using log = new LogFile(options());
        expect(log.position.offset).toBe(whole.length);
        log.write("stdout", bytes("b\n"));
      }
      expect(records().map(({ log }) => log)).toEqual(["a\n", "b\n"]);
    }
  });

  test("a file without any whole record is emptied", () => {
    appendFileSync(join(directory, "x.log"), '{"log":');
    using log = new LogFile(options());
    expect(log.position.offset).toBe(0);
  });
});
