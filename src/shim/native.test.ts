import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { openCgroup } from "../kernel/cgroup.ts";
import { demultiplexer } from "../std/stdcopy.ts";
import { BUSYBOX, type BundleOptions, containerIn, loggedIn, makeRootfs, untilGone } from "./_fixtures.ts";
import { type ShimPool, shims } from "./client.ts";
import type { Launch } from "./protocol.ts";

const COMMAND = [
  process.execPath,
  "--no-env-file",
  "--config=/dev/null",
  join(import.meta.dir, "../main.ts"),
  "shim",
];

let directory = "";
let pool: ShimPool;
beforeAll(async () => {
  directory = mkdtempSync("/tmp/fathom-test-shim-");
  makeRootfs(directory);
  pool = await shims({ runDirectory: join(directory, "run"), command: COMMAND });
});
afterAll(async () => {
  await pool.close();
  rmSync(directory, { recursive: true });
});

const launchOf = (script: string, options: BundleOptions = {}, more: Partial<Launch> = {}): Launch =>
  containerIn(directory, script, { ...options, ...more });

const logged = ({ bundle }: Launch): string => loggedIn(join(bundle, "x.log"));

describe.skipIf(!existsSync(BUSYBOX))("with the native runtime", () => {
  test("a container runs, and nothing of it is left when it has ended", async () => {
    const shim = await pool.take();
    const launch = launchOf("echo hello from $$; exit 3");
    const begun = performance.now();
    await shim.launch(launch);
    const exit = await shim.exited;
    console.log(`start to exit through the shim: ${(performance.now() - begun).toFixed(1)} ms`);
    expect(exit).toMatchObject({ exitCode: 3, oomKilled: false });
    expect(logged(launch)).toBe("hello from 1\n");
    expect(openCgroup(`/fathom-${launch.id}`)).toBeUndefined();
    shim.close();
  });

  test("a program that is not there gives 127 and leaves nothing", async () => {
    const shim = await pool.take();
    const launch = launchOf("", { args: ["/bin/nothing"] });
    await expect(shim.launch(launch)).rejects.toMatchObject({ exitCode: 127 });
    expect(existsSync(launch.exitFile)).toBeFalse();
    expect(openCgroup(`/fathom-${launch.id}`)).toBeUndefined();
    shim.close();
    expect(await untilGone(shim.pid)).toBeTrue();
  });

  test("a container that runs out of memory is told so", async () => {
    const shim = await pool.take();
    const launch = launchOf("", { memory: 16_000_000, args: ["/bin/tail", "/dev/zero"] });
    await shim.launch(launch);
    await shim.signal(0, {}).catch(() => undefined);
    const exit = await shim.exited;
    expect(exit.exitCode).toBe(137);
    expect(exit.oomKilled).toBeTrue();
    shim.close();
  });

  test("processes that the first one leaves behind are killed with it", async () => {
    const shim = await pool.take();
    const launch = launchOf("sleep 1000 & sleep 1000 & exit 0");
    const begun = performance.now();
    await shim.launch(launch);
    expect((await shim.exited).exitCode).toBe(0);
    expect(performance.now() - begun).toBeLessThan(3000);
    shim.close();
  });

  test("execs share the container, with a terminal of its own where asked for", async () => {
    const shim = await pool.take();
    await shim.launch(launchOf("sleep 1000"));
    const started = shim.exec({
      id: "one",
      process: {
        terminal: true,
        user: { uid: 0, gid: 0 },
        args: ["/bin/sh", "-c", "tty; stty size; ps | head -n 2"],
        env: ["PATH=/bin"],
        cwd: "/",
      },
      openStdin: false,
      size: { columns: 100, rows: 20 },
      attachments: 1,
    });
    const { stream } = await shim.attach({
      target: { exec: "one" },
      stdin: false,
      stdout: true,
      stderr: true,
    });
    let text = "";
    stream.on("data", (bytes) => {
      text += bytes;
    });
    await started;
    expect(await shim.execExited("one")).toBe(0);
    expect(text).toStartWith("/dev/pts/0\r\n20 100\r\n");
    expect(text).toContain("sleep 1000");
    stream.destroy();
    await shim.signal(9, {});
    expect((await shim.exited).exitCode).toBe(137);
    shim.close();
  });

  test("standard input and output pass through", async () => {
    const shim = await pool.take();
    const launched = shim.launch(launchOf("cat", {}, { openStdin: true, stdinOnce: true, attachments: 1 }));
    const { stream } = await shim.attach({ target: {}, stdin: true, stdout: true, stderr: true });
    stream.end("there and back");
    let text = "";
    const take = demultiplexer((_, bytes) => {
      text += Buffer.from(bytes);
    });
    await launched;
    for await (const part of stream) take(part);
    expect(text).toBe("there and back");
    stream.destroy();
    await shim.exited;
    shim.close();
  });
});

const RUNC = Bun.which("runc");
describe.skipIf(RUNC === null || !existsSync(BUSYBOX))("with runc", () => {
  test("container and exec are this process's children all the same, and their status is theirs", async () => {
    const shim = await pool.take();
    const launch = launchOf("echo in runc; sleep 1000", {}, { runtime: RUNC ?? "" });
    await shim.launch(launch);
    await shim.exec({
      id: "one",
      process: {
        user: { uid: 0, gid: 0 },
        args: ["/bin/sh", "-c", "exit 6"],
        env: ["PATH=/bin"],
        cwd: "/",
      },
      openStdin: false,
      attachments: 0,
    });
    expect(await shim.execExited("one")).toBe(6);
    await shim.signal(9, {});
    expect((await shim.exited).exitCode).toBe(137);
    expect(logged(launch)).toBe("in runc\n");
    shim.close();
  });
});
