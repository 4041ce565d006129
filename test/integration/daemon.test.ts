/** Daemons beside each other, and a daemon that finds what an earlier one, or a fault, left. */

import { afterEach, describe, expect, test } from "bun:test";
import { readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Engine, FATHOM, run, startFathom } from "../harness/mod.ts";

const engines: Engine[] = [];
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine[Symbol.asyncDispose]();
});
async function started(options?: Parameters<typeof startFathom>[0]): Promise<Engine> {
  const engine = await startFathom(options);
  engines.push(engine);
  return engine;
}

const detached = (engine: Engine, args: string[]) =>
  engine.output("docker", ["run", "-d", "--network", "none", ...args]);

test("three engines beside each other see only their own", async () => {
  const three = [await started(), await started(), await started()];
  const ids = await Promise.all(
    three.map((engine) => detached(engine, ["--name", "same", "busybox", "sleep", "100"])),
  );
  expect(new Set(ids).size).toBe(3);
  for (const [index, engine] of three.entries()) {
    expect(await engine.output("docker", ["ps", "-aq", "--no-trunc"])).toBe(ids[index] ?? "");
    expect(await engine.output("docker", ["exec", "same", "hostname"])).toBe(ids[index]?.slice(0, 12) ?? "");
  }
});

describe("a second daemon", () => {
  const second = (engine: Engine, socket: string, dataRoot: string) =>
    run(
      [
        FATHOM,
        "daemon",
        "--data-root",
        dataRoot,
        "--exec-root",
        join(engine.root, "exec2"),
        "-H",
        `unix://${socket}`,
        "--pidfile",
        join(engine.root, "pid2"),
      ],
      { timeout: 10_000 },
    );

  test("on the same socket is refused, and the first goes on", async () => {
    const engine = await started({ bare: true });
    const { status, stderr } = await second(engine, engine.socket, join(engine.root, "data2"));
    expect(status).toBe(1);
    expect(stderr).toContain(engine.socket);
    expect((await engine.request("GET", "/_ping")).text).toBe("OK");
  });

  test("on the same data root is refused, and the first goes on", async () => {
    const engine = await started({ bare: true });
    const { status, stderr } = await second(engine, join(engine.root, "second.sock"), engine.dataRoot);
    expect(status).toBe(1);
    expect(stderr).toMatch(/data-root|in use|already/i);
    expect((await engine.request("GET", "/_ping")).text).toBe("OK");
  });
});

describe("a daemon starts after", () => {
  test("a crash that left its socket and pid file", async () => {
    const engine = await started();
    await engine.kill();
    await engine.start();
    expect((await engine.request("GET", "/_ping")).text).toBe("OK");
  });

  test("a pid file with the number of a process that is something else", async () => {
    const engine = await started({ bare: true });
    await engine.stop();
    await writeFile(join(engine.root, "pid"), String(process.pid));
    await engine.start();
    expect((await readFile(join(engine.root, "pid"), "utf8")).trim()).toBe(String(engine.pid));
  });

  test("a pid file with nonsense", async () => {
    const engine = await started({ bare: true });
    await engine.stop();
    await writeFile(join(engine.root, "pid"), "\0nonsense");
    await engine.start();
    expect((await engine.request("GET", "/_ping")).text).toBe("OK");
  });

  test.each(["state.json", "config.json", "hostconfig.json", "exit.json", "receipt.jsonl"])(
    "a %s that was torn: the others are there, and the torn one can be removed",
    async (name) => {
      const engine = await started();
      const whole = await detached(engine, ["--name", "whole", "busybox", "true"]);
      const torn = await detached(engine, ["--name", "torn", "busybox", "true"]);
      await engine.output("docker", ["wait", "whole", "torn"]);
      await engine.stop();
      const file = join(engine.dataRoot, "containers", torn, name);
      await writeFile(file, "", { flag: "a" });
      await truncate(file, Math.floor((await readFile(file)).length / 2));
      await engine.start();
      expect(await engine.output("docker", ["inspect", "-f", "{{.State.Status}}", whole])).toBe("exited");
      await engine.command("docker", ["rm", "-f", torn]);
      await engine.output("docker", ["rm", "-f", whole]);
      expect(await engine.output("docker", ["ps", "-aq"])).toBe("");
    },
  );

  test("half a container's directory: nothing stands in its way", async () => {
    const engine = await started();
    await engine.stop();
    const stray = join(engine.dataRoot, "containers", "f".repeat(64));
    await writeFile(join(engine.dataRoot, "containers", "stray"), "x");
    await run(["mkdir", "-p", stray]);
    await engine.start();
    expect(await engine.output("docker", ["ps", "-aq"])).toBe("");
    expect(
      await engine.output("docker", ["run", "--rm", "--network", "none", "busybox", "echo", "well"]),
    ).toBe("well");
  });
});

test("a daemon that is stopped leaves its containers running for the next", async () => {
  const engine = await started();
  const id = await detached(engine, ["busybox", "sleep", "100"]);
  await engine.stop();
  await engine.start();
  expect(await engine.output("docker", ["ps", "-q", "--no-trunc"])).toBe(id);
});

test("an idle engine holds no descriptor or process more after a hundred containers than after ten", async () => {
  const engine = await started();
  const once = async (count: number) => {
    for (let index = 0; index < count; index++)
      await engine.output("docker", ["run", "--rm", "--network", "none", "busybox", "true"]);
    await Bun.sleep(500);
    return (await readdir(`/proc/${engine.pid}/fd`)).length;
  };
  const after10 = await once(10);
  const after110 = await once(100);
  expect(after110).toBeLessThanOrEqual(after10 + 2);
});
