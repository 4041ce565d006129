import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { recording } from "../kernel/receipt.ts";
import type { Step } from "../spec/receipt.ts";
import { attach } from "./_attach.ts";
import { all, eventually, launchIn, loggedIn, OUTPUTS, streams, TEST_SHIM, untilGone } from "./_fixtures.ts";
import { connectShim } from "./_remote.ts";
import { type ShimPool, shims } from "./client.ts";
import type { Shim } from "./handle.ts";
import type { Launch } from "./protocol.ts";

let directory = "";
let pool: ShimPool;
beforeEach(async () => {
  directory = mkdtempSync("/tmp/fathom-test-shim-");
  pool = await shims({ runDirectory: join(directory, "run"), command: TEST_SHIM });
});
afterEach(async () => {
  await pool.close();
  expect(await eventually(() => readdirSync(join(directory, "run")).length === 0)).toBeTrue();
  rmSync(directory, { recursive: true });
});

/** A launch with a directory of its own. */
function launchOf(script: string, more: Partial<Launch> & { terminal?: boolean } = {}): Launch {
  const own = join(directory, crypto.randomUUID().slice(0, 8));
  mkdirSync(own);
  return launchIn(own, script, { id: own, ...more });
}

const logOf = ({ bundle }: Launch): string => loggedIn(join(bundle, "../x.log"));

/** Runs a container to its end and gives its shim back. */
async function run(script: string, more: Partial<Launch> = {}): Promise<{ shim: Shim; launch: Launch }> {
  const shim = await pool.take();
  const launch = launchOf(script, more);
  await shim.launch(launch);
  await shim.exited;
  shim.close();
  return { shim, launch };
}

/** Takes the shim that has served before: on a busy machine it may come back when another has been made already. */
async function takeAgain({ pid }: Pick<Shim, "pid">, take = () => pool.take()): Promise<Shim> {
  const others: Shim[] = [];
  for (let tries = 0; tries < 200; tries += 1) {
    const shim = await take();
    if (shim.pid === pid) {
      for (const other of others) other.close();
      return shim;
    }
    others.push(shim);
    await Bun.sleep(10);
  }
  throw new Error(`shim ${pid} did not come back`);
}

function descriptors(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch {
      return [];
    }
  });
}

const openOf = (pid: number, kind: RegExp): number =>
  descriptors(pid).filter((link) => kind.test(link)).length;

test("a run of containers needs few shims, each container has its own log and status, and a shim retires after 100", async () => {
  const seen = new Map<number, number>();
  for (let number = 0; number < 201; number += 1) {
    const shim = await pool.take();
    const launch = launchOf(`echo number ${number}; exit ${number % 200}`);
    await shim.launch(launch);
    expect((await shim.exited).exitCode).toBe(number % 200);
    expect(logOf(launch)).toBe(`number ${number}\n`);
    seen.set(shim.pid, (seen.get(shim.pid) ?? 0) + 1);
    shim.close();
  }
  console.log(`201 containers, by shim: ${[...seen.values()].join(", ")}`);
  expect(seen.size).toBeLessThanOrEqual(4);
  expect(Math.max(...seen.values())).toBeLessThanOrEqual(100);
}, 60_000);

test("only the first container's receipt holds the start of its shim", async () => {
  const taken = async (again?: Pick<Shim, "pid">) => {
    let steps: Step[] = [];
    const take = () => {
      steps = [];
      return recording(
        "daemon",
        (step) => steps.push(step()),
        () => pool.take(),
      );
    };
    const shim = await (again === undefined ? take() : takeAgain(again, take));
    await shim.launch(launchOf("true"));
    await shim.exited;
    shim.close();
    return { pid: shim.pid, steps: steps.map(({ what }) => what) };
  };
  const first = await taken();
  const second = await taken(first);
  expect(first.steps).toContain("start a shim");
  expect(second.steps).toEqual([]);
});

test("nothing of a container stays open in its shim: streams, log, execs", async () => {
  const { shim: first } = await run("true");
  const next = async () => {
    const shim = await takeAgain(first);
    const launched = shim.launch(
      launchOf("cat; echo end >&2", { openStdin: true, stdinOnce: true, attachments: 1 }),
    );
    const { stream } = await shim.attach({ ...OUTPUTS, stdin: true });
    await launched;
    await shim.exec({
      id: "one",
      process: { user: { uid: 0, gid: 0 }, args: ["/bin/sh", "-c", "exit 3"], env: [], cwd: "/" },
      openStdin: true,
      attachments: 0,
    });
    expect(await shim.execExited("one")).toBe(3);
    stream.end("to and fro");
    expect(await streams(stream)).toEqual({ stdout: "to and fro", stderr: "end\n" });
    await shim.exited;
    shim.close();
  };
  const sockets = openOf(first.pid, /^socket:/);
  for (let round = 0; round < 5; round += 1) await next();
  // What is watched goes a few milliseconds later.
  expect(await eventually(() => openOf(first.pid, /^pipe:|pidfd|x\.log/) === 0)).toBeTrue();
  expect(await eventually(() => openOf(first.pid, /^socket:/) === sockets)).toBeTrue();
});

test("an attachment that is meant for the container before is refused, and does not reach the next", async () => {
  const { shim: ended } = await run("true");
  const shim = await takeAgain(ended);
  await expect(ended.attach(OUTPUTS)).rejects.toThrow("has ended");
  await shim.launch(launchOf("sleep 100"));
  await expect(ended.attach(OUTPUTS)).rejects.toThrow("has ended");
  await expect(attach(shim.socket, { ...OUTPUTS, turn: 0 })).rejects.toThrow("has ended");
  await shim.signal(9, {});
  await shim.exited;
  shim.close();
});

test("a signal, a resize or an exec that is meant for the container before is refused", async () => {
  const { shim: ended } = await run("true");
  const shim = await takeAgain(ended);
  await shim.launch(launchOf("sleep 0.3; exit 4"));
  await expect(ended.signal(9, {})).rejects.toThrow("has ended");
  await expect(ended.resize({ columns: 1, rows: 1 }, {})).rejects.toThrow("has ended");
  const exec = { user: { uid: 0, gid: 0 }, args: ["/bin/true"], env: [], cwd: "/" };
  await expect(ended.exec({ id: "late", process: exec, openStdin: false, attachments: 0 })).rejects.toThrow(
    "has ended",
  );
  await expect(ended.execExited("late")).rejects.toThrow();
  ended.close();
  expect((await shim.exited).exitCode).toBe(4);
  shim.close();
});

test("what an attachment has not taken yet is served before the next container comes", async () => {
  const shim = await pool.take();
  const launch = launchOf("head -c 1000000 /dev/zero", { attachments: 1 });
  const launched = shim.launch(launch);
  const { stream } = await shim.attach(OUTPUTS);
  await launched;
  while (statSync(join(launch.bundle, "../x.log")).size === 0) await Bun.sleep(5);
  await shim.signal(9, {});
  await shim.exited;
  shim.close();
  const other = await pool.take();
  expect(other.pid).not.toBe(shim.pid);
  const output = await all(stream);
  expect(output.length).toBeGreaterThan(0);
  other.close();
});

test("an exec that waits for an attachment is told that the container has ended, and holds nothing up", async () => {
  const shim = await pool.take();
  await shim.launch(launchOf("sleep 0.2"));
  const process = { user: { uid: 0, gid: 0 }, args: ["/bin/true"], env: [], cwd: "/" };
  const waiting = shim.exec({ id: "waits", process, openStdin: false, attachments: 1 });
  await expect(waiting).rejects.toThrow();
  await shim.exited;
  shim.close();
  // A spare has been made meanwhile; the shim itself is free as soon as nothing runs in it.
  await Bun.sleep(50);
  const free = await pool.connect(shim.socket);
  expect(free).toBeDefined();
  expect(free?.running).toBeUndefined();
  free?.close();
});

test("a shim that something of its container still holds on to is given to nobody else", async () => {
  const { shim } = await run("(sleep 0.5; echo late) & exit 0");
  const next = await pool.take();
  expect(next.pid).not.toBe(shim.pid);
  expect(await untilGone(shim.pid)).toBeTrue();
  next.close();
});

test("a reset before the end is refused", async () => {
  const shim = await pool.take();
  await shim.launch(launchOf("sleep 0.2; exit 5"));
  const other = await connectShim(shim.socket);
  await expect(other?.reset()).rejects.toThrow("has not ended");
  other?.close();
  expect((await shim.exited).exitCode).toBe(5);
  shim.close();
});

test("a shim whose daemon is killed between the end and the reset ends by itself", async () => {
  const launch = launchOf("sleep 0.3; exit 6");
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
  expect(await eventually(() => existsSync(launch.exitFile))).toBeTrue();
  daemon.kill(9);
  await daemon.exited;
  expect(await eventually(() => !existsSync(socket.trim()))).toBeTrue();
  expect(JSON.parse(readFileSync(launch.exitFile, "utf8")).exitCode).toBe(6);
});

test("a shim that has been given another container says so to whoever looks for the one before", async () => {
  const { shim: ended } = await run("true");
  const shim = await takeAgain(ended);
  const launch = launchOf("sleep 0.3");
  await shim.launch(launch);
  const found = await pool.connect(ended.socket);
  expect(found?.running?.id).toBe(launch.id);
  found?.close();
  expect((await shim.exited).exitCode).toBe(0);
  shim.close();
});
