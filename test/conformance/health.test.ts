/** Health checks from the command line. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { busyboxArchive, type Engine, eventually, startEngine } from "../harness/mod.ts";
import { CLIENTS, commandLine, NONE, ON_DOCKER } from "./client.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterEach(() => engine.removeContainers());
afterAll(() => engine[Symbol.asyncDispose]());

const OFTEN = ["--health-interval", "200ms"];

interface Health {
  Status: string;
  FailingStreak: number;
  Log: { Start: string; End: string; ExitCode: number; Output: string }[];
}

describe.each(CLIENTS)("%s", (client) => {
  const { command, output, started } = commandLine(client, () => engine);

  async function health(id: string): Promise<Health | null> {
    return JSON.parse(await output(["inspect", "-f", "{{json .State.Health}}", id]));
  }

  function becomes(id: string, status: string): Promise<Health> {
    return eventually(`${status}`, async () => {
      const now = await health(id);
      return now?.Status === status && now;
    });
  }

  async function statusOf(id: string): Promise<string> {
    return output(["ps", "-a", "--no-trunc", "--filter", `id=${id}`, "--format", "{{.Status}}"]);
  }

  test("a probe that succeeds makes it healthy; until then it is starting", async () => {
    const id = await started([
      "--health-cmd",
      "echo well",
      "--health-interval",
      "1s",
      "busybox",
      "sleep",
      "100",
    ]);
    expect(await health(id)).toEqual({ Status: "starting", FailingStreak: 0, Log: [] });
    expect(await statusOf(id)).toEndWith("(health: starting)");
    expect(await output(["ps", "-q", "--no-trunc", "--filter", "health=starting"])).toBe(id);
    const { FailingStreak, Log } = await becomes(id, "healthy");
    expect(FailingStreak).toBe(0);
    expect(Log[0]).toMatchObject({ ExitCode: 0, Output: "well\n" });
    expect(Date.parse(Log[0]?.End ?? "")).toBeGreaterThanOrEqual(Date.parse(Log[0]?.Start ?? ""));
    expect(await statusOf(id)).toEndWith("(healthy)");
    expect(await output(["ps", "-q", "--no-trunc", "--filter", "health=healthy"])).toBe(id);
    await output(["stop", "-t", "0", id]);
    expect((await health(id))?.Status).toBe("unhealthy");
  });

  test("so many failures in a row make it unhealthy, one success heals it, and events tell", async () => {
    const begin = String(Math.floor(Date.now() / 1000));
    const id = await started([
      ...["--health-cmd", "test -e /ok", ...OFTEN, "--health-retries", "2"],
      ...["busybox", "sleep", "100"],
    ]);
    expect((await becomes(id, "unhealthy")).FailingStreak).toBeGreaterThanOrEqual(2);
    await output(["exec", id, "touch", "/ok"]);
    const { Log } = await becomes(id, "healthy");
    expect(Log.length).toBeLessThanOrEqual(5);
    await output(["rm", "-f", id]);
    const events = await output([
      ...["events", "--since", begin, "--until", String(Math.ceil(Date.now() / 1000) + 1)],
      ...["--filter", `container=${id}`, "--format", "{{.Action}}"],
    ]);
    const actions = events.split("\n");
    expect(actions.filter((action) => action.startsWith("health_status"))).toEqual([
      "health_status: unhealthy",
      "health_status: healthy",
    ]);
    const first = actions.indexOf("exec_create: /bin/sh -c test -e /ok");
    expect(actions.slice(first, first + 3)).toEqual([
      "exec_create: /bin/sh -c test -e /ok",
      "exec_start: /bin/sh -c test -e /ok",
      "exec_die",
    ]);
  });

  test("a probe that takes too long is killed and counts as a failure", async () => {
    const id = await started([
      ...["--health-cmd", "echo begun; sleep 50", ...OFTEN, "--health-timeout", "300ms"],
      ...["--health-retries", "1", "busybox", "sleep", "100"],
    ]);
    const { Log } = await becomes(id, "unhealthy");
    expect(Log[0]?.ExitCode).toBe(-1);
    expect(Log[0]?.Output).toStartWith("Health check exceeded timeout (300ms)");
  });

  test("a probe that cannot be executed is a failure that says why", async () => {
    const made = await engine.request("POST", "/containers/create", {
      Image: "busybox",
      Cmd: ["sleep", "100"],
      Healthcheck: { Test: ["CMD", "nope"], Interval: 2e8, Retries: 1 },
      HostConfig: { NetworkMode: "none" },
    });
    const { Id } = made.json as { Id: string };
    await output(["start", Id]);
    const { Log } = await becomes(Id, "unhealthy");
    expect(Log[0]?.ExitCode).not.toBe(0);
    expect(Log[0]?.Output).toContain('"nope": executable file not found in $PATH');
  });

  test("failures in the start period do not count", async () => {
    const id = await started([
      ...["--health-cmd", "false", ...OFTEN, "--health-retries", "1", "--health-start-period", "100s"],
      ...(ON_DOCKER ? [] : ["--health-start-interval", "200ms"]),
      ...["busybox", "sleep", "100"],
    ]);
    const { Status, FailingStreak } = await eventually("two results", async () => {
      const now = await health(id);
      return now !== null && now.Log.length >= 2 && now;
    });
    expect({ Status, FailingStreak }).toEqual({ Status: "starting", FailingStreak: 0 });
  });

  test("no more than 4096 bytes of output are kept", async () => {
    const id = await started([
      ...["--health-cmd", "head -c 9000 /dev/zero | tr '\\0' x; exit 1", ...OFTEN],
      ...["--health-retries", "1", "busybox", "sleep", "100"],
    ]);
    const { Log } = await becomes(id, "unhealthy");
    expect(Log[0]?.Output).toBe(`${"x".repeat(4096)}...`);
  });

  test("the image's check is inherited, changed in part, and taken away by --no-healthcheck", async () => {
    const image = `checked-${client}`;
    const source = await output(["create", ...NONE, "busybox", "true"]);
    const change = 'HEALTHCHECK --interval=200ms --retries=7 CMD ["true"]';
    await output(["import", "--change", change, "-", image], { input: await busyboxArchive() });
    const configOf = async (id: string) =>
      JSON.parse(await output(["inspect", "-f", "{{json .Config.Healthcheck}}", id]));
    const inherited = await started([image, "sleep", "100"]);
    expect(await configOf(inherited)).toEqual({ Test: ["CMD", "true"], Interval: 2e8, Retries: 7 });
    await becomes(inherited, "healthy");
    const changed = await output(["create", ...NONE, "--health-retries", "2", image, "true"]);
    expect(await configOf(changed)).toEqual({ Test: ["CMD", "true"], Interval: 2e8, Retries: 2 });
    const without = await started(["--no-healthcheck", image, "sleep", "100"]);
    expect(await configOf(without)).toMatchObject({ Test: ["NONE"] });
    expect(await health(without)).toBeNull();
    const shown = await output(["ps", "-aq", "--no-trunc", "--filter", "health=none"]);
    expect(shown.split("\n").sort()).toEqual([source, changed, without].sort());
  });

  test("a restart begins anew", async () => {
    const id = await started([
      ...["--health-cmd", "true", "--health-interval", "1s", "busybox", "sleep", "100"],
    ]);
    await becomes(id, "healthy");
    await output(["restart", "-t", "0", id]);
    expect((await health(id))?.Status).toBe("starting");
    await becomes(id, "healthy");
  });

  test("times that are too short and negative retries are refused", async () => {
    const create = (...flags: string[]) => command(["create", ...NONE, ...flags, "busybox"]);
    const short = await create("--health-cmd", "true", "--health-timeout", "1us");
    expect(short.stderr).toContain("Timeout in Healthcheck cannot be less than 1ms");
    const negative = await create("--health-cmd", "true", "--health-retries", "-1");
    expect(negative.status).not.toBe(0);
    expect(negative.stderr).toContain("--health-retries cannot be negative");
    const both = await create("--health-cmd", "true", "--no-healthcheck");
    expect(both.stderr).toContain("--no-healthcheck conflicts with --health-* options");
  });
});
