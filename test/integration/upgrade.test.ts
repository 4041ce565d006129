/**
 * A daemon of another build takes containers over, and gives them back: the later build is a copy of this one whose protocol and
 * records have gained messages and fields, as the rules in src/shim/protocol.ts allow.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Engine, eventually, FATHOM, run, startFathom } from "../harness/mod.ts";

const ROOT = resolve(import.meta.dir, "../..");
let directory = "";
let later = "";

beforeAll(async () => {
  directory = await mkdtemp("/tmp/fathom-test-builds-");
  for (const name of ["src", "fathom", "package.json"])
    await cp(join(ROOT, name), join(directory, name), { recursive: true });
  await symlink(join(ROOT, "node_modules"), join(directory, "node_modules"));
  later = join(directory, "fathom");
  await change(
    "src/shim/_container.ts",
    "return [state, ...ends];",
    'return [{ ...state, later: 1 }, { type: "later", of: "a later build" } as never, ...ends];',
  );
  await change(
    "src/shim/_container.ts",
    "oomKilled: running",
    "...{ later: { kept: true } },\n      oomKilled: running",
  );
  await change(
    "src/shim/_remote.ts",
    "const state = await channel.state;",
    'const state = await channel.state;\n  if (state?.launched) await channel.ask({ type: "later" } as never, state.turn).catch((error) => process.stderr.write("later: " + error.message + "\\n"));',
  );
  await change(
    "src/container/records.ts",
    '  Status: "created",\n  Pid: 0,',
    '  ...{ Later: "kept" },\n  Status: "created",\n  Pid: 0,',
  );
});
afterAll(() => rm(directory, { recursive: true }));

async function change(file: string, from: string, to: string): Promise<void> {
  const path = join(directory, file);
  const text = await readFile(path, "utf8");
  if (!text.includes(from))
    throw new Error(`${file} does not contain ${from}: the later build cannot be made of it`);
  await writeFile(
    path,
    text.replace(from, () => to),
  );
}

const stateFile = (engine: Engine, id: string) => join(engine.dataRoot, "containers", id, "state.json");

/** Containers that one build starts go on under another: their execs, logs, signals and ends. */
async function handOver(engine: Engine, to: string): Promise<{ id: string }> {
  const docker = (args: string[]) => engine.output("docker", args);
  const id = await docker([
    "run",
    "-d",
    "--network",
    "none",
    "busybox",
    "sh",
    "-c",
    "trap 'exit 7' TERM; echo first; while :; do sleep 0.1; done",
  ]);
  const ends = await docker(["run", "-d", "--network", "none", "busybox", "sh", "-c", "sleep 1; exit 3"]);
  await eventually("its first line", async () => (await docker(["logs", id])) === "first");
  await eventually("its state on disk", async () =>
    (await readFile(stateFile(engine, id), "utf8")).includes('"running"'),
  );
  await engine.kill();
  await engine.start({ program: to });
  expect(await docker(["inspect", "-f", "{{.State.Status}}", id])).toBe("running");
  expect(await docker(["exec", id, "echo", "beside"])).toBe("beside");
  expect(await docker(["wait", ends])).toBe("3");
  await docker(["stop", id]);
  expect(await docker(["inspect", "-f", "{{.State.ExitCode}} {{.State.Error}}", id])).toBe("7 ");
  expect(await docker(["logs", id])).toBe("first");
  return { id };
}

test("a daemon of a later build takes over what this one started; what its shims do not know is refused and no harm", async () => {
  await using engine = await startFathom();
  await handOver(engine, later);
  expect(await engine.log()).toContain(
    'later: the shim of the container is of another build and does not know the request "later"',
  );
});

test("a daemon of this build takes over what a later one started, and keeps what it does not know of its records", async () => {
  await using engine = await startFathom();
  await engine.stop();
  await engine.start({ program: later });
  const { id } = await handOver(engine, FATHOM);
  expect(JSON.parse(await readFile(stateFile(engine, id), "utf8"))).toMatchObject({
    Later: "kept",
    ExitCode: 7,
  });
  expect(await readFile(join(engine.dataRoot, "containers", id, "exit.json"), "utf8")).toContain('"later"');
});

test("a compiled daemon takes over what one from sources started, and the other way round", async () => {
  const compiled = join(directory, "compiled");
  const { status, stderr } = await run(["sh", join(ROOT, "scripts/build"), compiled], { timeout: 60_000 });
  if (status !== 0) throw new Error(stderr);
  await using engine = await startFathom();
  await handOver(engine, compiled);
  await handOver(engine, FATHOM);
});
