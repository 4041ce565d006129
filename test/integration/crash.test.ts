/** The daemon may be killed at any instant: containers go on, and the next daemon knows all about them. */

import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { type Engine, eventually, startFathom } from "../harness/mod.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await startFathom();
});
afterEach(() => engine.removeContainers());
afterAll(() => engine[Symbol.asyncDispose]());

const docker = (args: string[]) => engine.output("docker", args);
const runDetached = (args: string[]) => docker(["run", "-d", "--network", "none", ...args]);
const numbers = (count: number) => Array.from({ length: count }, (_, index) => String(index + 1)).join("\n");
const counting = (count: number, end = "") =>
  `i=0; while [ $i -lt ${count} ]; do i=$((i+1)); echo $i; sleep 0.02; done; ${end}`;

test("a container goes on while no daemon runs, and every line is in its log once", async () => {
  const id = await runDetached(["busybox", "sh", "-c", counting(150, "exit 12")]);
  await eventually("some lines", async () => (await docker(["logs", id])).includes("20"));
  await engine.kill();
  await Bun.sleep(500);
  await engine.start();
  expect(await docker(["inspect", "-f", "{{.State.Running}}", id])).toBe("true");
  expect(await docker(["logs", "-f", id])).toBe(numbers(150));
  expect(await docker(["wait", id])).toBe("12");
});

test("the exit of a container that ended while no daemon ran is learned", async () => {
  const id = await runDetached(["busybox", "sh", "-c", "sleep 0.5; echo last words; exit 23"]);
  await engine.kill();
  await Bun.sleep(1200);
  const restarted = Date.now();
  await engine.start();
  expect(await docker(["wait", id])).toBe("23");
  expect(await docker(["logs", id])).toBe("last words");
  const finished = await docker(["inspect", "-f", "{{.State.FinishedAt}}", id]);
  expect(Date.parse(finished)).toBeLessThan(restarted);
  expect(await docker(["inspect", "-f", "{{.State.Status}}", id])).toBe("exited");
});

test("one that is to be removed at its end is removed by the next daemon", async () => {
  const id = await runDetached(["--rm", "busybox", "sleep", "0.5"]);
  await engine.kill();
  await Bun.sleep(1200);
  await engine.start();
  await eventually("the removal", async () => (await docker(["ps", "-aq", "--no-trunc"])) !== id);
});

test("the next daemon attaches, runs beside, signals and stops what an earlier one started", async () => {
  const id = await runDetached([
    "-i",
    "busybox",
    "sh",
    "-c",
    "trap 'exit 9' TERM; read line; echo got $line; while :; do sleep 0.1; done",
  ]);
  await engine.kill();
  await engine.start();
  expect(await docker(["exec", id, "echo", "beside"])).toBe("beside");
  await using terminal = engine.terminal("docker", ["attach", "--sig-proxy=false", id]);
  terminal.type("this\n");
  await terminal.see(/got this/);
  await docker(["stop", id]);
  expect(await docker(["inspect", "-f", "{{.State.ExitCode}}", id])).toBe("9");
});

test("a client that waits is told, not left hanging", async () => {
  const waiting = engine.command("docker", ["run", "--network", "none", "busybox", "sleep", "3"], {
    timeout: 15_000,
  });
  await eventually("a container", async () => (await docker(["ps", "-q"])) !== "");
  await engine.kill();
  expect((await waiting).status).not.toBe(0);
  await engine.start();
});

test("killed in the middle of starts, it leaves nothing that the next cannot repair", async () => {
  for (const delay of [5, 15, 25, 35, 50, 70, 100]) {
    const run = engine.command("docker", ["run", "--network", "none", "busybox", "true"], {
      timeout: 15_000,
    });
    await Bun.sleep(delay);
    await engine.kill();
    await run;
    await engine.start();
    await engine.removeContainers();
    expect(await docker(["ps", "-aq"])).toBe("");
  }
  expect(await docker(["run", "--rm", "--network", "none", "busybox", "echo", "well"])).toBe("well");
});
