/** A shim may be killed as well: what it kept ends with it, and the container's state says so. */

import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Engine, eventually, startFathom } from "../harness/mod.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await startFathom();
});
afterEach(() => engine.removeContainers());
afterAll(() => engine[Symbol.asyncDispose]());

const SOON = 1500;
const LOST = 255;
const docker = (args: string[]) => engine.output("docker", args);
const runDetached = (args: string[]) => docker(["run", "-d", "--network", "none", ...args]);

interface State {
  Status: string;
  Running: boolean;
  Pid: number;
  ExitCode: number;
  Error: string;
}

const stateFile = (id: string) => join(engine.dataRoot, "containers", id, "state.json");
async function shimOf(id: string): Promise<number> {
  const state = JSON.parse(await readFile(stateFile(id), "utf8")) as { Shim: { Pid: number } };
  return state.Shim.Pid;
}
async function stateOf(id: string): Promise<State> {
  const { json } = await engine.request("GET", `/containers/${id}/json`);
  return (json as { State: State }).State;
}
const commandLine = (pid: number) => readFile(`/proc/${pid}/cmdline`, "latin1").catch(() => "");

async function expectLost(id: string, { pid, shim }: { pid: number; shim: number }): Promise<void> {
  await eventually("its end", async () => !(await stateOf(id)).Running, SOON);
  const state = await stateOf(id);
  expect(state).toMatchObject({ Status: "exited", ExitCode: LOST, Pid: 0 });
  expect(state.Error).toContain(`its shim (process ${shim}) was killed or crashed`);
  expect(await commandLine(pid)).toBe("");
}

async function killShimOf(id: string): Promise<void> {
  const [shim, { Pid: pid }] = [await shimOf(id), await stateOf(id)];
  process.kill(shim, "SIGKILL");
  await expectLost(id, { pid, shim });
}

test("of a container that runs: it is shown as ended within a second, nothing of it runs on, and its end is told", async () => {
  const id = await runDetached(["busybox", "sh", "-c", "sleep 1000 & sleep 1000"]);
  const since = Math.floor(Date.now() / 1000);
  await killShimOf(id);
  const until = Math.ceil(Date.now() / 1000);
  const told = await engine.request("GET", `/events?since=${since}&until=${until}`);
  expect(told.text.split("\n").filter((line) => line.includes(id) && line.includes('"die"'))).toHaveLength(1);
});

test("of one that is quiet and dozes", async () => {
  const id = await runDetached(["busybox", "sleep", "1000"]);
  const shim = await shimOf(id);
  await eventually("its doze", async () => (await commandLine(shim)).includes("--resume"), 30_000);
  await killShimOf(id);
});

test("of one that logs: what it had written is in its log, whole", async () => {
  const id = await runDetached(["busybox", "sh", "-c", "i=0; while :; do i=$((i+1)); echo $i; done"]);
  await eventually("many lines", async () => (await docker(["logs", "--tail", "1", id])).length > 3);
  await killShimOf(id);
  const lines = (await docker(["logs", id])).split("\n");
  expect(lines).toEqual(lines.map((_, index) => String(index + 1)));
});

test("of one that logs, again and again: every run's lines are there once, and none is torn", async () => {
  const script = 'p=$(printf "%02000d" 0); i=0; while :; do i=$((i+1)); echo $i $p; done';
  const id = await runDetached(["--log-opt", "max-size=200m", "busybox", "sh", "-c", script]);
  const lines = async () => (await docker(["logs", id])).split("\n").map((line) => line.split(" "));
  for (let run = 1; run <= 3; run++) {
    if (run > 1) await docker(["start", id]);
    await Bun.sleep(60 * run);
    await killShimOf(id);
    const all = await lines();
    expect(all.filter(([, rest]) => rest?.length !== 2000)).toEqual([]);
    const numbers = all.map(([number]) => Number(number));
    const begins = numbers.flatMap((number, index) => (number === 1 ? [index] : []));
    expect(begins).toHaveLength(run);
    for (const [index, number] of numbers.entries()) {
      const begin = begins.findLast((at) => at <= index) ?? 0;
      if (number !== index - begin + 1) throw new Error(`line ${index} is ${number}`);
    }
  }
}, 30_000);

test("of one on a terminal: whoever is attached is let go", async () => {
  await using terminal = engine.terminal("docker", [
    "run",
    "-it",
    "--name",
    "terminal",
    "--network",
    "none",
    "busybox",
    "cat",
  ]);
  terminal.type("seen\n");
  await terminal.see(/seen[\s\S]*seen/);
  await killShimOf(await docker(["inspect", "-f", "{{.Id}}", "terminal"]));
  expect(await terminal.exited).not.toBe(0);
});

test("of one with an exec: the exec ends, too", async () => {
  const id = await runDetached(["busybox", "sleep", "1000"]);
  const running = engine.command("docker", ["exec", id, "sleep", "1000"]);
  const { json } = await eventually("the exec", async () => {
    const answer = await engine.request("GET", `/containers/${id}/json`);
    return (answer.json as { ExecIDs: string[] | null }).ExecIDs ? answer : undefined;
  });
  const [exec = ""] = (json as { ExecIDs: string[] }).ExecIDs;
  await eventually(
    "its process",
    async () => ((await engine.request("GET", `/exec/${exec}/json`)).json as { Pid: number }).Pid > 0,
  );
  await killShimOf(id);
  await running;
  expect((await engine.request("GET", `/exec/${exec}/json`)).json).toMatchObject({
    Running: false,
    ExitCode: 137,
  });
});

test("of one with an exec, at any moment of it: the command never ends as if all were well", async () => {
  for (const milliseconds of [0, 15, 30, 45, 60, 80, 110]) {
    const id = await runDetached(["busybox", "sleep", "1000"]);
    const shim = await shimOf(id);
    const running = ["sleep 1000", "yes", "exec >&- 2>&-; sleep 1000"].map((script) =>
      engine.command("docker", ["exec", id, "sh", "-c", script]),
    );
    await Bun.sleep(milliseconds);
    process.kill(shim, "SIGKILL");
    for (const { status } of await Promise.all(running)) expect(status).toBeGreaterThan(0);
    await docker(["rm", "-f", id]);
  }
});

test("while no daemon runs: the next one sees it", async () => {
  const id = await runDetached(["busybox", "sleep", "1000"]);
  const [shim, { Pid: pid }] = [await shimOf(id), await stateOf(id)];
  await engine.kill();
  process.kill(shim, "SIGKILL");
  await engine.start();
  await expectLost(id, { pid, shim });
  expect((await stateOf(id)).Error).toContain("while no daemon ran");
  expect(await engine.log()).toContain(`container ${id}: its shim (process ${shim}) was killed`);
});

test("of one that is always to run: it runs again", async () => {
  const id = await runDetached(["--restart", "always", "busybox", "sleep", "1000"]);
  const shim = await shimOf(id);
  process.kill(shim, "SIGKILL");
  await eventually(
    "another shim",
    async () => (await stateOf(id)).Status === "running" && (await shimOf(id)) !== shim,
  );
});

test("one that waits for a container is replaced, and no user sees an error", async () => {
  await docker(["run", "--rm", "--network", "none", "busybox", "true"]);
  for (let round = 0; round < 3; round++) {
    for (const pid of await sparesOf(engine)) process.kill(pid, "SIGKILL");
    const name = `after-${round}`;
    expect(
      (
        await engine.request("POST", `/containers/create?name=${name}`, {
          Image: "busybox",
          Cmd: ["true"],
          HostConfig: { NetworkMode: "none" },
        })
      ).status,
    ).toBe(201);
    for (const pid of await sparesOf(engine)) process.kill(pid, "SIGKILL");
    const started = await engine.request("POST", `/containers/${name}/start`);
    expect([started.status, started.text]).toEqual([204, ""]);
    expect(await docker(["wait", name])).toBe("0");
  }
});

test("a shim that was noted in another boot of the host is not taken for ours", async () => {
  const id = await runDetached(["busybox", "sleep", "1000"]);
  const { Pid: pid } = await stateOf(id);
  await eventually("its state on disk", async () =>
    (await readFile(stateFile(id), "utf8")).includes('"running"'),
  );
  await engine.kill();
  const state = JSON.parse(await readFile(stateFile(id), "utf8"));
  await writeFile(stateFile(id), JSON.stringify({ ...state, Shim: { ...state.Shim, Boot: "another" } }));
  await engine.start();
  expect((await stateOf(id)).Status).toBe("exited");
  await eventually("the end of what ran", async () => (await commandLine(pid)) === "");
});

/** Shims of an engine that has no container running. */
async function sparesOf({ execRoot }: Engine): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const lines = await Promise.all(pids.map(async (pid) => ({ pid, line: await commandLine(pid) })));
  return lines.filter(({ line }) => line.includes(`${execRoot}/shims/`)).map(({ pid }) => pid);
}
