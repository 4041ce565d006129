/** Health checks beyond what Docker has: through the daemon's death, and with a say in what follows. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Engine, eventually, startFathom } from "../harness/mod.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await startFathom();
});
afterAll(() => engine[Symbol.asyncDispose]());

const OFTEN = ["--health-interval", "200ms", "--health-retries", "1"];

function run(flags: string[], client: "docker" | "fathom" = "fathom"): Promise<string> {
  return engine.output(client, ["run", "-d", "--network", "none", ...flags, "busybox", "sleep", "1000"]);
}

async function inspect(id: string, field: string): Promise<unknown> {
  return JSON.parse(await engine.output("fathom", ["inspect", "-f", `{{json ${field}}}`, id]));
}

function becomes(id: string, status: string): Promise<boolean> {
  return eventually(status, async () => (await inspect(id, ".State.Health.Status")) === status);
}

test("a daemon that was killed takes the state over and goes on probing", async () => {
  const id = await run(["--health-cmd", "test -e /ok", ...OFTEN]);
  await engine.output("fathom", ["exec", id, "touch", "/ok"]);
  await becomes(id, "healthy");
  await engine.kill();
  const kept = JSON.parse(await readFile(join(engine.dataRoot, "containers", id, "state.json"), "utf8"));
  expect(kept.Health.Status).toBe("healthy");
  await engine.start();
  expect(await inspect(id, ".State.Health.Status")).toBe("healthy");
  await engine.output("fathom", ["exec", id, "rm", "/ok"]);
  await becomes(id, "unhealthy");
});

describe("a container that turns unhealthy", () => {
  const failing = ["--health-cmd", "false", ...OFTEN];

  test("is stopped, and its restart policy does not start it", async () => {
    const id = await run([
      "--health-on-failure",
      "stop",
      "--stop-timeout",
      "0",
      "--restart",
      "always",
      ...failing,
    ]);
    await eventually("its end", async () => (await inspect(id, ".State.Status")) === "exited");
    expect(await inspect(id, ".State.ExitCode")).toBe(137);
  });

  test("is killed", async () => {
    const id = await run(["--health-on-failure", "kill", ...failing]);
    await eventually("its end", async () => (await inspect(id, ".State.Status")) === "exited");
  });

  test("is restarted, also where the docker command asked for it by an annotation", async () => {
    const flags = ["--annotation", "fathom.health-on-failure=restart", "--stop-timeout", "0", ...failing];
    const id = await run(flags, "docker");
    const first = await inspect(id, ".State.StartedAt");
    await eventually("another run", async () => (await inspect(id, ".State.StartedAt")) !== first);
    await engine.output("fathom", ["rm", "-f", id]);
  });

  test("is left alone where nothing is said", async () => {
    const id = await run(failing);
    await becomes(id, "unhealthy");
    expect(await inspect(id, ".State.Running")).toBe(true);
  });
});

test("an action that there is none of is refused", async () => {
  const create = (client: "docker" | "fathom", flag: string) =>
    engine.command(client, ["create", flag, "busybox", "true"]);
  expect((await create("fathom", "--health-on-failure=reboot")).stderr).toContain(
    "valid actions are none, kill, restart and stop",
  );
  expect((await create("docker", "--annotation=fathom.health-on-failure=reboot")).stderr).toContain(
    "one of none, kill, restart and stop",
  );
});
