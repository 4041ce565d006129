import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { recording } from "../kernel/receipt.ts";
import type { Step } from "../spec/receipt.ts";
import { all, OUTPUTS, privateMemory, streams, TEST_SHIM, untilGone } from "./_fixtures.ts";
import { collect, EVERYTHING, execOf, hostShims } from "./_test_host.ts";
import { ShimError, shims } from "./client.ts";

const host = hostShims();
const { take, launchOf, logged } = host;

describe("a container's life", () => {
  test("its output is in the log and its status on disk before its end is told", async () => {
    const shim = await take();
    const { pid } = await shim.launch(launchOf("echo out; echo err >&2; exit 7"));
    expect(pid).toBeGreaterThan(1);
    const exit = await shim.exited;
    expect(exit.exitCode).toBe(7);
    expect(exit.oomKilled).toBeFalse();
    expect(Date.parse(exit.finishedAt)).toBeGreaterThanOrEqual(Date.parse(exit.startedAt));
    expect(JSON.parse(readFileSync(join(host.directory, "exit.json"), "utf8"))).toEqual(exit);
    expect(logged().split("\n").sort()).toEqual(["", "err", "out"]);
  });

  test("a program that a signal ended has 128 and its number as status", async () => {
    const shim = await take();
    await shim.launch(launchOf("sleep 100"));
    await shim.signal(15, {});
    expect((await shim.exited).exitCode).toBe(143);
    await expect(shim.signal(15, {})).rejects.toThrow();
  });

  test("a shim that has ended its container ends with the host.pool, and takes its socket with it", async () => {
    const shim = await take();
    await shim.launch(launchOf("true"));
    await shim.exited;
    shim.close();
    await host.pool.close();
    expect(await untilGone(shim.pid)).toBeTrue();
    expect(existsSync(shim.socket)).toBeFalse();
    expect(await host.pool.connect(shim.socket)).toBeUndefined();
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
    const lines = readFileSync(join(host.directory, "receipt.jsonl"), "utf8").trim().split("\n");
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
    const [socket, ready] = [join(host.directory, "orphan.sock"), join(host.directory, "ready")];
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
    daemon.stdin.write(
      JSON.stringify({ runDirectory: join(host.directory, "run"), command: TEST_SHIM, launch }),
    );
    daemon.stdin.end();
    let socket = "";
    for await (const chunk of daemon.stdout) {
      socket += new TextDecoder().decode(chunk);
      if (socket.includes("\n")) break;
    }
    daemon.kill(9);
    await daemon.exited;
    const shim = await host.pool.connect(socket.trim());
    if (shim === undefined) throw new Error("the shim is gone");
    host.watch(shim);
    expect(shim.running?.id).toBe("test");
    expect((await shim.exited).exitCode).toBe(3);
    expect(logged()).toBe(Array.from({ length: 20_000 }, (_, index) => `line ${index + 1}\n`).join(""));
    // The killed daemon's spare has ended; this one's is left, and the shim it took over.
    const sockets = () => readdirSync(join(host.directory, "run"));
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

describe("execs", () => {
  test("several run at once, each with streams and a status of its own", async () => {
    const shim = await take();
    await shim.launch(launchOf("sleep 100"));
    const ids = ["a", "b", "c", "d", "e"];
    const seen = ids.map(async (id, index) => {
      const started = shim.exec(execOf(id, `cat; exit ${index}`, { openStdin: true, attachments: 1 }));
      const { stream } = await shim.attach({ ...EVERYTHING, target: { exec: id } });
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
    const { stream } = await shim.attach({ ...EVERYTHING, target: { exec: "tty" } });
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
    const again = await host.pool.connect(shim.socket);
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
