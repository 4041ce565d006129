import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { recording } from "../kernel/receipt.ts";
import type { Step } from "../spec/receipt.ts";
import {
  all,
  launchIn,
  loggedIn,
  OUTPUTS,
  privateMemory,
  streams,
  TEST_SHIM,
  untilGone,
} from "./_fixtures.ts";
import { ShimError, type ShimPool, shims } from "./client.ts";
import type { AttachRequest, Shim } from "./handle.ts";
import type { Launch } from "./protocol.ts";

let directory = "";
let pool: ShimPool;
const taken: Shim[] = [];
beforeEach(async () => {
  directory = mkdtempSync("/tmp/fathom-test-shim-");
  pool = await shims({ runDirectory: join(directory, "run"), command: TEST_SHIM });
});
afterEach(async () => {
  const used = taken.splice(0);
  for (const shim of used) {
    await shim.signal(9, {}).catch(() => undefined);
    shim.close();
  }
  await pool.close();
  for (const { pid } of used) expect(await untilGone(pid)).toBeTrue();
  rmSync(directory, { recursive: true });
});

async function take(): Promise<Shim> {
  const shim = await pool.take();
  taken.push(shim);
  return shim;
}

const launchOf = (script: string, more: Partial<Launch> & { terminal?: boolean } = {}): Launch =>
  launchIn(directory, script, more);

const execOf = (
  id: string,
  script: string,
  more: { terminal?: boolean; openStdin?: boolean; attachments?: number } = {},
) => ({
  id,
  process: {
    terminal: more.terminal ?? false,
    user: { uid: 0, gid: 0 },
    args: ["/bin/sh", "-c", script],
    env: ["PATH=/bin:/usr/bin"],
    cwd: "/",
  },
  openStdin: more.openStdin ?? false,
  attachments: more.attachments ?? 0,
});

const everything: AttachRequest = { ...OUTPUTS, stdin: true };

const logged = (): string => loggedIn(join(directory, "x.log"));

/** What came until now over a stream that goes on. */
function collect(stream: Duplex): { text: () => string; until: (part: string) => Promise<void> } {
  let text = "";
  stream.on("data", (bytes) => {
    text += bytes;
  });
  return {
    text: () => text,
    until: async (part) => {
      for (let wait = 0; !text.includes(part); wait += 1) {
        if (wait > 500) throw new Error(`"${part}" did not come; there is ${JSON.stringify(text)}`);
        await Bun.sleep(10);
      }
    },
  };
}

describe("a container's life", () => {
  test("its output is in the log and its status on disk before its end is told", async () => {
    const shim = await take();
    const { pid } = await shim.launch(launchOf("echo out; echo err >&2; exit 7"));
    expect(pid).toBeGreaterThan(1);
    const exit = await shim.exited;
    expect(exit.exitCode).toBe(7);
    expect(exit.oomKilled).toBeFalse();
    expect(Date.parse(exit.finishedAt)).toBeGreaterThanOrEqual(Date.parse(exit.startedAt));
    expect(JSON.parse(readFileSync(join(directory, "exit.json"), "utf8"))).toEqual(exit);
    expect(logged().split("\n").sort()).toEqual(["", "err", "out"]);
  });

  test("a program that a signal ended has 128 and its number as status", async () => {
    const shim = await take();
    await shim.launch(launchOf("sleep 100"));
    await shim.signal(15, {});
    expect((await shim.exited).exitCode).toBe(143);
    await expect(shim.signal(15, {})).rejects.toThrow();
  });

  test("a shim that has ended its container ends with the pool, and takes its socket with it", async () => {
    const shim = await take();
    await shim.launch(launchOf("true"));
    await shim.exited;
    shim.close();
    await pool.close();
    expect(await untilGone(shim.pid)).toBeTrue();
    expect(existsSync(shim.socket)).toBeFalse();
    expect(await pool.connect(shim.socket)).toBeUndefined();
  });

  test("a start that fails is told with its status and leaves nothing", async () => {
    const shim = await take();
    const launch = launchOf("");
    writeFileSync(
      join(launch.bundle, "config.json"),
      JSON.stringify({ process: { args: ["nothing"], env: [], cwd: "/" } }),
    );
    const error = await shim.launch(launch).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ShimError);
    expect(error).toMatchObject({
      exitCode: 127,
      kind: "invalid",
      message: expect.stringContaining("not found"),
    });
    expect(existsSync(launch.exitFile)).toBeFalse();
    shim.close();
    expect(await untilGone(shim.pid)).toBeTrue();
    expect(existsSync(shim.socket)).toBeFalse();
  });

  test("steps of the start stand in the receipt, the spare's own among the taker's", async () => {
    const steps: Step[] = [];
    const shim = await recording("daemon", (step) => steps.push(step()), take);
    expect(steps.map(({ what }) => what)).toContain("start a shim");
    await shim.launch(launchOf("true"));
    await shim.exited;
    const lines = readFileSync(join(directory, "receipt.jsonl"), "utf8").trim().split("\n");
    expect(lines.map((line) => JSON.parse(line).call)).toContain("execve");
  });

  test("what the program leaves behind does not hold up its end", async () => {
    const shim = await take();
    await shim.launch(launchOf("echo before; (sleep 3; echo late) & exit 0"));
    const begun = performance.now();
    await shim.exited;
    expect(performance.now() - begun).toBeLessThan(2000);
    expect(logged()).toBe("before\n");
  });
});

describe("without the daemon", () => {
  test("a shim that was not used ends with its connection", async () => {
    const shim = await take();
    shim.close();
    for (let wait = 0; existsSync(shim.socket) && wait < 200; wait += 1) await Bun.sleep(10);
    expect(existsSync(shim.socket)).toBeFalse();
  });

  test("a shim ends whose daemon was killed before it ever connected", async () => {
    const [socket, ready] = [join(directory, "orphan.sock"), join(directory, "ready")];
    const command = [...TEST_SHIM, "--socket", socket].map((word) => `'${word}'`).join(" ");
    const parent = Bun.spawn(["sh", "-c", `${command} > ${ready} & wait`]);
    while (!existsSync(ready) || statSync(ready).size === 0) await Bun.sleep(10);
    parent.kill("SIGKILL");
    for (let wait = 0; existsSync(socket) && wait < 300; wait += 1) await Bun.sleep(10);
    expect(existsSync(socket)).toBeFalse();
  });

  test("a killed daemon costs no line, and the next one learns everything", async () => {
    const launch = launchOf(
      "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo line $i; done; sleep 0.5; exit 3",
    );
    const daemon = Bun.spawn(
      [process.execPath, "--no-env-file", "--config=/dev/null", join(import.meta.dir, "_test_daemon.ts")],
      { stdin: "pipe", stdout: "pipe", stderr: "inherit" },
    );
    daemon.stdin.write(JSON.stringify({ runDirectory: join(directory, "run"), command: TEST_SHIM, launch }));
    daemon.stdin.end();
    let socket = "";
    for await (const chunk of daemon.stdout) {
      socket += new TextDecoder().decode(chunk);
      if (socket.includes("\n")) break;
    }
    daemon.kill(9);
    await daemon.exited;
    const shim = await pool.connect(socket.trim());
    if (shim === undefined) throw new Error("the shim is gone");
    taken.push(shim);
    expect(shim.running?.id).toBe("test");
    expect((await shim.exited).exitCode).toBe(3);
    expect(logged()).toBe(Array.from({ length: 20_000 }, (_, index) => `line ${index + 1}\n`).join(""));
    // The killed daemon's spare has ended; this one's is left, and the shim it took over.
    const sockets = () => readdirSync(join(directory, "run"));
    for (let wait = 0; sockets().length > 2 && wait < 200; wait += 1) await Bun.sleep(10);
    expect(sockets()).toHaveLength(2);
  });

  test("SIGTERM, SIGINT and SIGHUP do not end a shim", async () => {
    const shim = await take();
    await shim.launch(launchOf("sleep 0.3; exit 4"));
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.kill(shim.pid, signal);
    expect((await shim.exited).exitCode).toBe(4);
  });

  test("a shim that is killed makes the wait for its container fail", async () => {
    const shim = await take();
    const { pid } = await shim.launch(launchOf("sleep 100"));
    process.kill(shim.pid, 9);
    await expect(shim.exited).rejects.toThrow("gone");
    await expect(shim.signal(9, {})).rejects.toThrow("gone");
    process.kill(pid, 9);
  });
});

describe("attachments", () => {
  test("the program starts when as many as announced are there, and they get all of its output", async () => {
    const shim = await take();
    const launched = shim.launch(launchOf("echo out; echo err >&2", { attachments: 2 }));
    const one = await shim.attach(OUTPUTS);
    const seen = streams(one.stream);
    await Bun.sleep(50);
    expect(existsSync(join(directory, "x.log"))).toBeFalse();
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
    expect(logOffset).toBe(statSync(join(directory, "x.log")).size);
    const { dev, ino, birthtimeNs } = statSync(join(directory, "x.log"), { bigint: true });
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
    expect(existsSync(join(directory, "exit.json"))).toBeFalse();
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
    const { stream } = await shim.attach(everything);
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
    const { stream } = await shim.attach(everything);
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
    const one = await shim.attach(everything);
    one.stream.end("first\n");
    expect((await all(one.stream)).length).toBe(0);
    const other = await shim.attach(everything);
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
    const { stream } = await shim.attach(everything);
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
    const { stream } = await shim.attach(everything);
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
    const one = await shim.attach(everything);
    const seen = collect(one.stream);
    one.stream.write("a\x10b");
    await seen.until("a^Pb");
    one.stream.write("\x10");
    one.stream.write("\x11lost");
    await new Promise((resolve) => one.stream.once("end", resolve));
    one.stream.destroy();
    const other = await shim.attach({ ...everything, detachKeys: "ctrl-],x" });
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

describe("execs", () => {
  test("several run at once, each with streams and a status of its own", async () => {
    const shim = await take();
    await shim.launch(launchOf("sleep 100"));
    const ids = ["a", "b", "c", "d", "e"];
    const seen = ids.map(async (id, index) => {
      const started = shim.exec(execOf(id, `cat; exit ${index}`, { openStdin: true, attachments: 1 }));
      const { stream } = await shim.attach({ ...everything, target: { exec: id } });
      await started;
      stream.end(`input of ${id}`);
      return [await streams(stream), await shim.execExited(id)];
    });
    expect(await Promise.all(seen)).toEqual(ids.map((id, index) => [{ stdout: `input of ${id}` }, index]));
    expect(logged()).toBe("");
  });

  test("has a terminal of its own, and takes signals", async () => {
    const shim = await take();
    await shim.launch(launchOf("sleep 100"));
    const started = shim.exec(
      execOf("tty", "tty; stty size; read x", { terminal: true, openStdin: true, attachments: 1 }),
    );
    const { stream } = await shim.attach({ ...everything, target: { exec: "tty" } });
    const seen = collect(stream);
    await started;
    await seen.until("24 80\r\n");
    expect(seen.text()).toContain("/dev/pts/");
    await shim.signal(1, { exec: "tty" });
    expect(await shim.execExited("tty")).toBe(129);
    stream.destroy();
  });

  test("one that fails to start is told with its status, and its attachment ends", async () => {
    const shim = await take();
    await shim.launch(launchOf("sleep 100"));
    const bad = execOf("bad", "", { attachments: 1 });
    bad.process.args = ["nothing"];
    const started = shim.exec(bad).catch((error: unknown) => error);
    const { stream } = await shim.attach({ ...OUTPUTS, target: { exec: "bad" } });
    expect((await all(stream)).length).toBe(0);
    expect(await started).toMatchObject({ exitCode: 127 });
  });

  test("a daemon that connects anew learns which run and how others ended", async () => {
    const shim = await take();
    await shim.launch(launchOf("sleep 100"));
    await shim.exec(execOf("done", "exit 5"));
    expect(await shim.execExited("done")).toBe(5);
    const again = await pool.connect(shim.socket);
    expect(await again?.execExited("done")).toBe(5);
    expect(again?.running?.pid).toBeGreaterThan(1);
    again?.close();
  });

  test("in a container that has ended is refused", async () => {
    const shim = await take();
    const launched = shim.launch(
      launchOf("head -c 1000000 /dev/zero", { attachments: 1, log: { driver: "none" } }),
    );
    const { stream } = await shim.attach(OUTPUTS);
    await launched;
    await shim.signal(9, {});
    await shim.exited;
    await expect(shim.exec(execOf("late", "true"))).rejects.toThrow("not running");
    stream.destroy();
  });
});

test("an idle shim holds little memory", async () => {
  const shim = await take();
  await shim.launch(launchOf("sleep 100"));
  await Bun.sleep(300);
  const memory = privateMemory(shim.pid);
  console.log(`shim: ${memory} kB private dirty`);
  expect(memory).toBeLessThan(20_000);
});

test("a socket path that is too long is refused with the figure", async () => {
  const runDirectory = `/tmp/${"x".repeat(100)}`;
  await expect(shims({ runDirectory, command: TEST_SHIM })).rejects.toThrow("unix sockets allow 107");
});
