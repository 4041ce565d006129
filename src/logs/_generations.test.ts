import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { generationsOf, type LogPart, type OpenGeneration, openParts } from "./_generations.ts";
import { carryOut, generation, rotation, successor } from "./_rotate.ts";

let directory = "";
let path = "";
beforeEach(() => {
  directory = mkdtempSync("/tmp/fathom-test-generations-");
  path = join(directory, "x.log");
});
afterEach(() => rmSync(directory, { recursive: true }));

/** A writer that goes on by one step of a rotation when told to. Its files hold their numbers: 1 is the first it wrote. */
class SteppedWriter {
  readonly #maxFiles: number;
  readonly #work: Iterator<void, never>;
  /** The number of the newest file that is in its place. */
  newest = 0;

  constructor(maxFiles: number) {
    this.#maxFiles = maxFiles;
    this.#work = this.#rotateForEver();
  }

  step(count = 1): void {
    for (let left = count; left > 0; left -= 1) this.#work.next();
  }

  rotate(count = 1): void {
    for (const until = this.newest + count; this.newest < until; ) this.step();
  }

  *#rotateForEver(): Generator<void, never> {
    for (;;) {
      writeFileSync(successor(path), `${this.newest + 1}`);
      for (const step of rotation(path, this.#maxFiles)) {
        carryOut(step);
        if ("to" in step && step.to === path) break;
        yield;
      }
      this.newest += 1;
      yield;
      appendFileSync(path, " whole");
      yield;
    }
  }
}

/** Does something before a number is looked at. */
function meanwhile(act: (number: number) => void): OpenGeneration {
  const openAt = generationsOf(path);
  return (number) => {
    act(number);
    return openAt(number);
  };
}

/** What the files hold that a look gives; closes them. */
async function look(openAt: OpenGeneration, after?: LogPart): Promise<string[]> {
  await using files = new AsyncDisposableStack();
  const parts = await openParts(openAt, after?.identity);
  for (const part of parts) files.use(part);
  return Promise.all(
    parts.map(async ({ file, size }) => (await file.read(Buffer.alloc(size), 0, size, 0)).buffer.toString()),
  );
}

async function opened(number: number): Promise<LogPart> {
  const part = await generationsOf(path)(number);
  if (part === undefined) throw new Error(`there is no file ${number}`);
  return part;
}

const whole = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => `${from + index} whole`);

describe("while the files are renamed", () => {
  test("one met before newer ones is put before them, with all it holds by then", async () => {
    const writer = new SteppedWriter(9);
    writer.rotate(1);
    const openAt = meanwhile((number) => number === 1 && writer.rotate(2));
    expect(await look(openAt)).toEqual(["1 whole", "2 whole"]);
  });

  test("the number that is free in the middle of a rotation is not the end", async () => {
    const writer = new SteppedWriter(9);
    writer.rotate(6);
    await using first = await opened(4);
    for (let step = 0; step < 8; step += 1) {
      expect((await look(generationsOf(path), first)).slice(0, 3)).toEqual(whole(3, 5));
      expect((await look(generationsOf(path))).slice(0, 5)).toEqual(whole(1, 5));
      writer.step();
    }
  });

  test("two numbers that were free one after the other are not the end", async () => {
    const writer = new SteppedWriter(9);
    writer.rotate(3);
    const free = new Set([1, 2]);
    const openAt = meanwhile((number) => {
      if (free.delete(number)) while (existsSync(generation(path, number))) writer.step();
    });
    expect((await look(openAt)).slice(0, 3)).toEqual(whole(1, 3));
  });

  test("one that is removed after newer ones were met is left out, and the log goes on behind it", async () => {
    const writer = new SteppedWriter(2);
    writer.rotate(2);
    const openAt = meanwhile((number) => number === 1 && writer.rotate(4));
    expect(await look(openAt)).toEqual(["5 whole"]);
  });

  test("a log of one file that is replaced again and again is not taken for an empty one", async () => {
    const writer = new SteppedWriter(1);
    writer.rotate(1);
    const parts = await look(meanwhile((number) => number > 0 && writer.rotate(1)));
    expect(parts).toHaveLength(1);
  });

  test("a log that is removed has no files, and the look ends", async () => {
    const writer = new SteppedWriter(3);
    writer.rotate(3);
    await using first = await opened(0);
    const openAt = meanwhile((number) => {
      if (number === 1) for (const name of readdirSync(directory)) rmSync(join(directory, name));
    });
    writer.rotate(1);
    expect(await look(openAt, first)).toHaveLength(1);
    expect(await look(openAt, first)).toEqual([]);
  });
});

describe("in any interleaving of a look with a writer", () => {
  /** A repeatable sequence of numbers from 0 to `below` - 1 (the generator of Numerical Recipes). */
  function sequence(seed: number): (below: number) => number {
    let state = seed;
    return (below) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
  }

  /** How many files the writer makes. */
  const ENOUGH = 25;

  /** As many steps as it takes for a look to be passed by none, or by several rotations. */
  const somewhat = (random: (below: number) => number) => [0, 0, 1, 2, random(40)][random(5)] ?? 0;

  test("a follower that looks again and again gets every file once, in order and whole", async () => {
    for (let seed = 1; seed <= 50; seed += 1) {
      const random = sequence(seed);
      const writer = new SteppedWriter(1000);
      writer.step(1 + random(40));
      const got = await followed(writer, random);
      expect({ seed, got }).toEqual({ seed, got: Array.from(got, (_, index) => index + 1) });
      expect(got.length).toBeGreaterThanOrEqual(ENOUGH);
      for (const name of readdirSync(directory)) rmSync(join(directory, name));
    }
  });

  test("where old files are removed it gets the rest in order, and what is there in the end without a gap", async () => {
    for (let seed = 1; seed <= 50; seed += 1) {
      const random = sequence(seed);
      const writer = new SteppedWriter(1 + random(5));
      writer.step(1 + random(40));
      const got = await followed(writer, random);
      expect({ seed, got }).toEqual({ seed, got: [...new Set(got)].sort((one, other) => one - other) });
      const there = readdirSync(directory)
        .filter((name) => !name.endsWith(".new"))
        .map((name) => Number.parseInt(readFileSync(join(directory, name), "utf8"), 10));
      expect({ seed, missed: there.filter((number) => !got.includes(number)) }).toEqual({ seed, missed: [] });
      for (const name of readdirSync(directory)) rmSync(join(directory, name));
    }
  });

  /** The numbers of the files that looks give until the writer stops; all but the newest of a look must be whole. */
  async function followed(writer: SteppedWriter, random: (below: number) => number): Promise<number[]> {
    const openAt = meanwhile(() => writer.newest < ENOUGH && writer.step(somewhat(random)));
    await using files = new AsyncDisposableStack();
    const got: number[] = [];
    let current: LogPart | undefined;
    for (;;) {
      const over = writer.newest >= ENOUGH;
      const newer = await openParts(openAt, current?.identity);
      for (const part of newer) files.use(part);
      for (const { file, size } of newer) {
        const text = (await file.read(Buffer.alloc(size), 0, size, 0)).buffer.toString();
        if (file !== newer.at(-1)?.file) expect(text).toEndWith("whole");
        got.push(Number.parseInt(text, 10));
      }
      if (over && newer.length === 0) return got;
      current = newer.at(-1) ?? current;
    }
  }
});

test("what a writer killed in the middle of a rotation leaves is put right by the next", () => {
  new SteppedWriter(5).rotate(4);
  writeFileSync(successor(path), "5");
  rotation(path, 5).slice(0, 2).forEach(carryOut);
  expect(existsSync(generation(path, 2))).toBe(false);
  rotation(path, 5).forEach(carryOut);
  const texts = [0, 1, 2, 3, 4].map((number) => readFileSync(generation(path, number), "utf8"));
  expect(texts).toEqual(["5", "4", "3 whole", "2 whole", "1 whole"]);
});
