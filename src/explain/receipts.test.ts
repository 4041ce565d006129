import { afterEach, beforeEach, describe, expect, spyOn, test } from "bun:test";
import { AsyncLocalStorage } from "node:async_hooks";
import { appendFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Actor, Step } from "../spec/receipt.ts";
import { FathomError } from "../std/errors.ts";
import { openReceipts, type ReceiptSubject } from "./mod.ts";

const ID = "a".repeat(64);
const never = new AbortController().signal;
let directory: string;
let subject: ReceiptSubject;
const file = () => join(directory, ID, "receipt.jsonl");

/** Stands in for kernel/receipt.ts, which tells steps the same way. */
const current = new AsyncLocalStorage<{ by: Actor; sink: (step: () => Step) => void }>();
const recording = <T>(by: Actor, sink: (step: () => Step) => void, work: () => T): T =>
  current.run({ by, sink }, work);
function report(make: (by: Actor) => Step): void {
  const receipt = current.getStore();
  receipt?.sink(() => make(receipt.by));
}

function open() {
  const find = async (name: string) => {
    if (name !== ID && name !== subject.name)
      throw new FathomError("not-found", `No such container: ${name}`);
    return subject;
  };
  return openReceipts({ containersDirectory: directory, recording, find });
}

function step(call: string, more: Partial<Step> = {}): Step {
  return { at: "1700000000000000000", by: "daemon", call, args: [], result: 0, ...more };
}

async function textOf(chunks: AsyncIterable<string>): Promise<string> {
  let text = "";
  for await (const chunk of chunks) text += chunk;
  return text;
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "fathom-test-receipts-"));
  await mkdir(join(directory, ID));
  subject = { id: ID, name: "web", pid: 0, ended: false };
});
afterEach(() => rm(directory, { recursive: true }));

describe("recording", () => {
  test("steps reported inside the work are in the receipt, those outside are not", async () => {
    const receipts = open();
    report(() => step("outside"));
    const answer = await receipts.record(ID, async () => {
      report((by) => step("inside", { by }));
      return 7;
    });
    expect(answer).toBe(7);
    expect(await receipts.get("web")).toEqual({ Id: ID, Name: "/web", Steps: [step("inside")] });
  });

  test("the steps of work that failed are kept, and its error is thrown", async () => {
    const receipts = open();
    const work = receipts.record(ID, async () => {
      report(() => step("mount", { result: -1, error: "EPERM" }));
      throw new Error("mount /proc: EPERM");
    });
    await expect(work).rejects.toThrow("mount /proc: EPERM");
    expect((await receipts.get(ID)).Steps).toHaveLength(1);
  });

  test("nothing is written while the work is under way, and all of it in the end without being asked", async () => {
    const receipts = open();
    await receipts.record(ID, async () => {
      report(() => step("one"));
      await Bun.sleep(80);
      expect(await stat(file()).catch(() => "absent")).toBe("absent");
      report(() => step("two"));
    });
    await Bun.sleep(120);
    expect((await readFile(file(), "utf8")).trimEnd().split("\n")).toHaveLength(2);
  });

  test("the steps of a container that was removed meanwhile are dropped without a trace", async () => {
    const receipts = open();
    const complaint = spyOn(process.stderr, "write");
    await receipts.record(ID, async () => {
      report(() => step("umount2"));
      await rm(join(directory, ID), { recursive: true });
    });
    await Bun.sleep(120);
    expect(await stat(join(directory, ID)).catch(() => "absent")).toBe("absent");
    expect(complaint).not.toHaveBeenCalled();
    complaint.mockRestore();
  });

  test("a write that fails is told once and hinders none that follow", async () => {
    const receipts = open();
    await mkdir(file());
    await expect(receipts.append(ID, [step("lost")])).rejects.toThrow("EISDIR");
    await rm(file(), { recursive: true });
    await receipts.append(ID, [step("kept")]);
    expect((await receipts.get(ID)).Steps.map(({ call }) => call)).toEqual(["kept"]);
  });
});

describe("the file", () => {
  test("steps of several writers come back in the order of time", async () => {
    const receipts = open();
    await receipts.append(ID, [step("third", { at: "3000000000000000000" })]);
    await appendFile(file(), `${JSON.stringify(step("first", { at: "1000000000000000000" }))}\n`);
    await receipts.append(ID, [step("second", { at: "2000000000000000000" })]);
    expect((await receipts.get(ID)).Steps.map(({ call }) => call)).toEqual(["first", "second", "third"]);
  });

  test("a torn last line is passed over, and what is appended after it is not lost", async () => {
    const receipts = open();
    await receipts.append(ID, [step("whole")]);
    await appendFile(file(), JSON.stringify(step("torn")).slice(0, 30));
    expect((await receipts.get(ID)).Steps.map(({ call }) => call)).toEqual(["whole"]);
    await receipts.append(ID, [step("after")]);
    expect((await receipts.get(ID)).Steps.map(({ call }) => call)).toEqual(["whole", "after"]);
  });

  test("lines that are no steps are passed over", async () => {
    await writeFile(
      file(),
      '{"at":1}\nnull\n[]\n"x"\n{"at":"x","by":"shim","call":"c","args":[],"result":0}\n',
    );
    expect((await open().get(ID)).Steps).toEqual([]);
  });

  test("it stops growing at 1 MiB, and one line counts all steps that were left out", async () => {
    const receipts = open();
    const big = Array.from({ length: 300 }, () => step("mount", { args: ["x".repeat(1000)] }));
    for (let round = 0; round < 6; round++) await receipts.append(ID, big);
    const lines = (await readFile(file(), "utf8")).trimEnd().split("\n");
    expect((await stat(file())).size).toBeLessThan((1 << 20) + 100);
    const steps = lines.length - 1;
    expect(JSON.parse(lines.at(-1) ?? "")).toEqual({ omitted: 6 * 300 - steps });
    expect((await receipts.get(ID)).Steps).toHaveLength(steps);
    expect(await textOf(await receipts.tell(ID, { follow: false }, never))).toContain(
      `${1800 - steps} later steps left out`,
    );
  });
});

describe("following", () => {
  test("gives the steps before, those of this process and those of the shim, each once, until the end", async () => {
    const receipts = open();
    await receipts.append(ID, [step("before")]);
    const told = textOf(await receipts.tell("web", { follow: true }, never));
    await Bun.sleep(60);
    await receipts.record(ID, async () => {
      report(() => step("twice"));
      report(() => step("twice"));
    });
    await appendFile(file(), `${JSON.stringify(step("clone3", { by: "shim" }))}\n`);
    await Bun.sleep(120);
    subject.ended = true;
    const calls = (await told)
      .trimEnd()
      .split("\n")
      .map((line) => /(\w+)\(/.exec(line)?.[1]);
    expect(calls.sort()).toEqual(["before", "clone3", "twice", "twice"]);
  });

  test("what is done up to a removal is told although the file is gone", async () => {
    const receipts = open();
    const told = textOf(await receipts.tell("web", { follow: true }, never));
    await Bun.sleep(60);
    await receipts.record(ID, async () => {
      report(() => step("umount2"));
      await appendFile(file(), `${JSON.stringify(step("execve", { by: "container" }))}\n`);
      await rm(join(directory, ID), { recursive: true });
      subject.ended = true;
    });
    const text = await told;
    expect(text).toContain("umount2(");
    expect(text).toContain("execve(");
  });

  test("ends when the listener goes away", async () => {
    const leaving = new AbortController();
    const told = textOf(await open().tell("web", { follow: true }, leaving.signal));
    setTimeout(() => leaving.abort(), 20);
    expect(await told).toBe("");
  });

  test("an unknown container is not found", async () => {
    await expect(open().tell("nobody", { follow: true }, never)).rejects.toThrow("No such container: nobody");
  });
});
