import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import {
  BUSYBOX,
  containerIn,
  eventually,
  loggedIn,
  makeRootfs,
  OUTPUTS,
  privateMemory,
  streams,
  untilGone,
} from "./_fixtures.ts";
import { type ShimPool, shims } from "./client.ts";
import type { Shim } from "./handle.ts";
import type { Launch } from "./protocol.ts";

/** A shim that dozes after a tenth of a second. */
const COMMAND = [
  process.execPath,
  "--no-env-file",
  "--config=/dev/null",
  join(import.meta.dir, "_test_native.ts"),
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

type Options = NonNullable<Parameters<typeof containerIn>[2]>;

async function start(script: string, options: Options = {}): Promise<{ shim: Shim; launch: Launch }> {
  const launch = containerIn(directory, script, options);
  const shim = await pool.take();
  await shim.launch(launch);
  return { shim, launch };
}

/** In poll(2); a shim that is awake waits in epoll_wait(2). proc_pid_wchan(5) has the kernel's function. */
const dozes = ({ pid }: Shim): boolean => readFileSync(`/proc/${pid}/wchan`, "utf8").startsWith("poll_");

async function untilDozing(shim: Shim): Promise<void> {
  expect(await eventually(() => dozes(shim), 5000)).toBeTrue();
}

const logged = ({ bundle }: Launch): string => loggedIn(join(bundle, "x.log"));

async function end(shim: Shim): Promise<void> {
  await shim.signal(9, {});
  expect((await shim.exited).exitCode).toBe(137);
  shim.close();
}

const execOf = (id: string, script: string, more: { terminal?: boolean; attachments?: number } = {}) => ({
  id,
  process: {
    terminal: more.terminal ?? false,
    user: { uid: 0, gid: 0 },
    args: ["/bin/sh", "-c", script],
    env: ["PATH=/bin"],
    cwd: "/",
  },
  openStdin: false,
  attachments: more.attachments ?? 0,
});

function collect(stream: Duplex): (part: string) => Promise<void> {
  let text = "";
  stream.on("data", (bytes) => {
    text += bytes;
  });
  return async (part) => {
    if (!(await eventually(() => text.includes(part)))) throw new Error(`there is ${JSON.stringify(text)}`);
  };
}

describe.skipIf(!existsSync(BUSYBOX))("a shim whose container is quiet", () => {
  test("dozes with little memory of its own, the same process", async () => {
    const { shim } = await start("sleep 1000");
    const awake = privateMemory(shim.pid);
    await untilDozing(shim);
    const dozing = privateMemory(shim.pid);
    console.log(`private memory: ${awake} kB awake, ${dozing} kB dozing`);
    // Bun's own transpiler, which an executable does not have, takes one of these megabytes.
    expect(dozing).toBeLessThan(3500);
    const comm = readFileSync(`/proc/${shim.pid}/comm`, "utf8");
    expect(comm).not.toBe("exe\n");
    await end(shim);
  });

  test("tells the end at once and writes it down, and a line that was begun before is whole in the log", async () => {
    const { shim, launch } = await start("printf begun; sleep 1; echo ' and ended'; echo more; exit 7");
    await untilDozing(shim);
    expect((await shim.exited).exitCode).toBe(7);
    expect(JSON.parse(readFileSync(launch.exitFile, "utf8")).exitCode).toBe(7);
    expect(logged(launch)).toBe("begun and ended\nmore\n");
    const lines = readFileSync(join(launch.bundle, "x.log"), "utf8").trim().split("\n");
    expect(lines.map((line) => JSON.parse(line).log)).toEqual(["begun and ended\n", "more\n"]);
    shim.close();
  });

  test("loses no line over many dozes, each stream in its order", async () => {
    const script =
      "n=0; for round in 1 2 3 4; do i=0; while [ $i -lt 500 ]; do i=$((i+1)); n=$((n+1)); echo out $n; echo err $n >&2; done; sleep 0.8; done";
    const { shim, launch } = await start(script);
    let dozed = 0;
    let before = false;
    const watch = setInterval(() => {
      const now = existsSync(`/proc/${shim.pid}/cmdline`) && dozes(shim);
      if (now && !before) dozed += 1;
      before = now;
    }, 5);
    expect((await shim.exited).exitCode).toBe(0);
    clearInterval(watch);
    const lines = logged(launch).split("\n");
    const numbered = (stream: string) => Array.from({ length: 2000 }, (_, index) => `${stream} ${index + 1}`);
    expect(lines.filter((line) => line.startsWith("out"))).toEqual(numbered("out"));
    expect(lines.filter((line) => line.startsWith("err"))).toEqual(numbered("err"));
    expect(dozed).toBeGreaterThan(1);
    shim.close();
  });

  test("takes execs, on a terminal too, and dozes again", async () => {
    const { shim } = await start("sleep 1000");
    for (const round of [1, 2]) {
      await untilDozing(shim);
      const id = `exec-${round}`;
      const started = shim.exec(execOf(id, "tty; exit 5", { terminal: true, attachments: 1 }));
      const { stream } = await shim.attach({ ...OUTPUTS, target: { exec: id } });
      const until = collect(stream);
      await started;
      await until("/dev/pts/0\r\n");
      expect(await shim.execExited(id)).toBe(5);
      stream.destroy();
    }
    await untilDozing(shim);
    const again = await pool.connect(shim.socket);
    expect(await again?.execExited("exec-1")).toBe(5);
    again?.close();
    await end(shim);
  });

  test("takes attachments: output comes and input goes, and standard input can be closed", async () => {
    const { shim } = await start("while read line; do echo got $line; done; echo end; exit 3", {
      openStdin: true,
      stdinOnce: true,
    });
    await untilDozing(shim);
    const { stream } = await shim.attach({ ...OUTPUTS, stdin: true });
    stream.write("one\n");
    await Bun.sleep(400);
    expect(dozes(shim)).toBeFalse();
    stream.end("two\n");
    expect(await streams(stream)).toEqual({ stdout: "got one\ngot two\nend\n" });
    expect((await shim.exited).exitCode).toBe(3);
    shim.close();
  });

  test("keeps a terminal: what was typed before, its size, and a line that has no end", async () => {
    const { shim, launch } = await start(
      "printf 'name? '; read name; stty size; echo hello $name; sleep 1000",
      {
        terminal: true,
        openStdin: true,
        size: { columns: 90, rows: 20 },
      },
    );
    await untilDozing(shim);
    const { stream } = await shim.attach({ ...OUTPUTS, stdin: true });
    const until = collect(stream);
    await until("name? ");
    await shim.resize({ columns: 100, rows: 30 }, {});
    stream.write("world\r");
    await until("30 100\r\nhello world\r\n");
    stream.destroy();
    await untilDozing(shim);
    expect(logged(launch)).toBe("name? world\r\n30 100\r\nhello world\r\n");
    await end(shim);
  });

  test("outlives its daemon's end and signals meanwhile, and the next daemon finds it", async () => {
    const { shim, launch } = await start("sleep 1000");
    await untilDozing(shim);
    for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const) process.kill(shim.pid, signal);
    await Bun.sleep(50);
    expect(dozes(shim)).toBeTrue();
    shim.close();
    await Bun.sleep(200);
    await untilDozing(shim);
    const found = await pool.connect(shim.socket);
    if (found === undefined) throw new Error("the shim is gone");
    expect(found.running?.id).toBe(launch.id);
    expect(found.pid).toBe(shim.pid);
    await end(found);
  });

  test("ends with its container where there is no daemon any more", async () => {
    const { shim, launch } = await start("sleep 1; exit 4");
    await untilDozing(shim);
    shim.close();
    expect(await untilGone(shim.pid)).toBeTrue();
    expect(existsSync(shim.socket)).toBeFalse();
    expect(JSON.parse(readFileSync(launch.exitFile, "utf8")).exitCode).toBe(4);
  });

  test("says in its receipt that it started itself anew", async () => {
    const { shim, launch } = await start("sleep 1000");
    await untilDozing(shim);
    const steps = readFileSync(launch.receiptFile, "utf8").trim().split("\n");
    expect(steps.map((line) => JSON.parse(line)).at(-1)).toMatchObject({
      call: "execve",
      by: "shim",
      what: "run this program anew",
    });
    await end(shim);
  });
});
