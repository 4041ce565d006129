import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { all, OUTPUTS, streams } from "./_fixtures.ts";
import { collect, EVERYTHING, hostShims } from "./_test_host.ts";

const host = hostShims();
const { take, launchOf, logged } = host;

describe("attachments", () => {
  test("the program starts when as many as announced are there, and they get all of its output", async () => {
    const shim = await take();
    const launched = shim.launch(launchOf("echo out; echo err >&2", { attachments: 2 }));
    const one = await shim.attach(OUTPUTS);
    const seen = streams(one.stream);
    await Bun.sleep(50);
    expect(existsSync(join(host.directory, "x.log"))).toBeFalse();
    const other = await shim.attach({ ...OUTPUTS, stderr: false });
    await launched;
    expect(await streams(other.stream)).toEqual({ stdout: "out\n" });
    expect(await seen).toEqual({ stdout: "out\n", stderr: "err\n" });
  });

  test("log and stream join without a gap, a line that is not finished first", async () => {
    const shim = await take();
    await shim.launch(launchOf("echo one; printf 'prompt> '; sleep 0.5; echo typed"));
    await Bun.sleep(250);
    const { stream, logOffset, logFile } = await shim.attach(OUTPUTS);
    expect(logOffset).toBe(statSync(join(host.directory, "x.log")).size);
    const { dev, ino, birthtimeNs } = statSync(join(host.directory, "x.log"), { bigint: true });
    expect(logFile).toBe(`${dev}:${ino}:${birthtimeNs}`);
    expect(await streams(stream)).toEqual({ stdout: "prompt> typed\n" });
  });

  test("one that does not read holds the program up until it reads", async () => {
    const shim = await take();
    const launched = shim.launch(
      launchOf("head -c 8000000 /dev/zero", { attachments: 1, log: { driver: "none" } }),
    );
    const { stream } = await shim.attach(OUTPUTS);
    await launched;
    await Bun.sleep(300);
    expect(existsSync(join(host.directory, "exit.json"))).toBeFalse();
    const seen = await streams(stream);
    expect(seen.stdout).toHaveLength(8_000_000);
    expect((await shim.exited).exitCode).toBe(0);
  });

  test("one that is gone does not", async () => {
    const shim = await take();
    const launched = shim.launch(
      launchOf("head -c 8000000 /dev/zero", { attachments: 1, log: { driver: "none" } }),
    );
    const { stream } = await shim.attach(OUTPUTS);
    await launched;
    await Bun.sleep(100);
    stream.destroy();
    expect((await shim.exited).exitCode).toBe(0);
  });

  test("one to a program that has ended is refused", async () => {
    const shim = await take();
    const launched = shim.launch(
      launchOf("head -c 1000000 /dev/zero", { attachments: 1, log: { driver: "none" } }),
    );
    const { stream } = await shim.attach(OUTPUTS);
    await launched;
    // Its output is not taken, so the shim stays; the program is ended from outside.
    await shim.signal(9, {});
    await shim.exited;
    await expect(shim.attach(OUTPUTS)).rejects.toThrow("ended");
    stream.destroy();
  });
});

describe("standard input", () => {
  test("100 MB arrive unchanged, and their end is the program's", async () => {
    const shim = await take();
    const launched = shim.launch(launchOf("sha256sum", { openStdin: true, stdinOnce: true, attachments: 1 }));
    const { stream } = await shim.attach(EVERYTHING);
    const seen = streams(stream);
    await launched;
    const hash = createHash("sha256");
    const chunk = Buffer.alloc(1_000_000);
    const begun = performance.now();
    for (let number = 0; number < 100; number += 1) {
      chunk.fill(number).writeUInt32LE(number);
      hash.update(chunk);
      const copy = Buffer.from(chunk);
      await new Promise((resolve) => stream.write(copy, resolve));
    }
    stream.end();
    expect((await seen).stdout).toBe(`${hash.digest("hex")}  -\n`);
    console.log(`stdin: ${(100_000 / (performance.now() - begun)).toFixed(0)} MB/s with sha256 at both ends`);
  });

  test("is given back unchanged by cat, half-close and all", async () => {
    const shim = await take();
    const launched = shim.launch(launchOf("cat", { openStdin: true, stdinOnce: true, attachments: 1 }));
    const { stream } = await shim.attach(EVERYTHING);
    const sent = Buffer.alloc(3_000_000, "abcdefghijklmnopqrstuvwxyz\n");
    stream.end(sent);
    const seen = streams(stream);
    await launched;
    expect(Bun.hash((await seen).stdout ?? "")).toBe(Bun.hash(sent));
    expect((await shim.exited).exitCode).toBe(0);
  });

  test("stays open over attachments where it is not to be closed", async () => {
    const shim = await take();
    await shim.launch(launchOf("read a; read b; echo $a $b", { openStdin: true }));
    const one = await shim.attach(EVERYTHING);
    one.stream.end("first\n");
    expect((await all(one.stream)).length).toBe(0);
    const other = await shim.attach(EVERYTHING);
    other.stream.write("second\n");
    expect(await streams(other.stream)).toEqual({ stdout: "first second\n" });
  });

  test("a program without one reads its end at once", async () => {
    const shim = await take();
    await shim.launch(launchOf("cat; echo end"));
    await shim.exited;
    expect(logged()).toBe("end\n");
  });

  test("a program that does not read it ends all the same", async () => {
    const shim = await take();
    const launched = shim.launch(launchOf("sleep 0.2", { openStdin: true, stdinOnce: true, attachments: 1 }));
    const { stream } = await shim.attach(EVERYTHING);
    stream.on("error", () => undefined);
    stream.write(Buffer.alloc(5_000_000));
    await launched;
    expect((await shim.exited).exitCode).toBe(0);
    stream.destroy();
  });
});

describe("a terminal", () => {
  test("echoes, has a size, can be resized, and ctrl-C interrupts", async () => {
    const shim = await take();
    const script =
      "trap 'echo interrupted' INT; trap 'stty size' WINCH; stty size; read line; echo got $line; while :; do sleep 0.05; done";
    const size = { columns: 100, rows: 30 };
    const launched = shim.launch(launchOf(script, { terminal: true, openStdin: true, size, attachments: 1 }));
    const { stream } = await shim.attach(EVERYTHING);
    const seen = collect(stream);
    await launched;
    await seen.until("30 100\r\n");
    stream.write("hello\r");
    await seen.until("hello\r\ngot hello\r\n");
    await shim.resize({ columns: 120, rows: 40 }, {});
    await seen.until("40 120\r\n");
    stream.write("\x03");
    await seen.until("interrupted\r\n");
    await shim.signal(9, {});
    expect((await shim.exited).exitCode).toBe(137);
    stream.destroy();
  });

  test("the last output before the end is not lost", async () => {
    const shim = await take();
    const launched = shim.launch(launchOf("seq 1 5000", { terminal: true, attachments: 1 }));
    const { stream } = await shim.attach(OUTPUTS);
    const seen = all(stream);
    await launched;
    const expected = Array.from({ length: 5000 }, (_, index) => `${index + 1}\r\n`).join("");
    expect((await seen).toString()).toBe(expected);
    expect(logged()).toBe(expected);
  });

  test("detach keys end the attachment and not the program", async () => {
    const shim = await take();
    await shim.launch(launchOf("cat", { terminal: true, openStdin: true, stdinOnce: true }));
    const one = await shim.attach(EVERYTHING);
    const seen = collect(one.stream);
    one.stream.write("a\x10b");
    await seen.until("a^Pb");
    one.stream.write("\x10");
    one.stream.write("\x11lost");
    await new Promise((resolve) => one.stream.once("end", resolve));
    one.stream.destroy();
    const other = await shim.attach({ ...EVERYTHING, detachKeys: "ctrl-],x" });
    other.stream.write("still here\r");
    await collect(other.stream).until("still here");
    other.stream.write("\x1dx");
    await new Promise((resolve) => other.stream.once("end", resolve));
    other.stream.destroy();
    await shim.signal(9, {});
    await shim.exited;
  });

  test("resizing what has none is refused", async () => {
    const shim = await take();
    await shim.launch(launchOf("sleep 100"));
    await expect(shim.resize({ columns: 1, rows: 1 }, {})).rejects.toThrow("terminal");
  });
});
