/** Pause and unpause from the command line. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { type Engine, eventually, startEngine } from "../harness/mod.ts";
import { CLIENTS, commandLine, ON_DOCKER } from "./client.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterEach(() => engine.removeContainers());
afterAll(() => engine[Symbol.asyncDispose]());

const COUNTER = ["sh", "-c", "trap 'exit 5' TERM; while :; do echo tick; sleep 0.05; done"];

describe.each(CLIENTS)("%s", (client) => {
  const { command, output, started } = commandLine(client, () => engine);
  const lines = async (id: string) => (await output(["logs", id])).length;

  test("pause stops the program where it stands, and unpause lets it go on", async () => {
    const id = await started(["busybox", ...COUNTER]);
    await eventually("output", async () => (await lines(id)) > 0);
    expect(await output(["pause", id])).toBe(id);
    expect(await output(["ps", "--format", "{{.Status}}"])).toMatch(/^Up .* \(Paused\)$/);
    expect(await output(["ps", "-q", "--no-trunc", "--filter", "status=paused"])).toBe(id);
    expect(
      await output(["inspect", "-f", "{{.State.Status}} {{.State.Running}} {{.State.Paused}}", id]),
    ).toBe("paused true true");
    const before = await lines(id);
    await Bun.sleep(200);
    expect(await lines(id)).toBe(before);
    expect(await output(["unpause", id])).toBe(id);
    await eventually("more output", async () => (await lines(id)) > before);
  });

  test("what cannot be done to a paused container is refused", async () => {
    const id = await started(["busybox", "sleep", "100"]);
    await output(["pause", id]);
    const refused = async (...args: string[]) => (await command([...args])).stderr;
    expect(await refused("pause", id)).toMatch(new RegExp(`ontainer ${id} is already paused`));
    expect(await refused("exec", id, "true")).toMatch(/is paused, unpause the container before exec/);
    expect(await refused("attach", id)).toMatch(/cannot attach to a paused container, unpause it first/);
    expect(await refused("start", id)).toMatch(/cannot start a paused container, try unpause instead/);
    expect(await refused("rm", id)).toMatch(/paused/);
    await output(["unpause", id]);
    expect(await refused("unpause", id)).toMatch(new RegExp(`ontainer ${id} is not paused`));
  });

  test("stop, kill, restart and rm -f end a paused container", async () => {
    const stopped = await started(["busybox", ...COUNTER]);
    await eventually("output", async () => (await lines(stopped)) > 0);
    await output(["pause", stopped]);
    await output(["stop", stopped]);
    expect(await output(["inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", stopped])).toBe(
      "exited 5",
    );
    for (const how of [["kill"], ["restart", "-t", "0"], ["rm", "-f"]]) {
      const id = await started(["busybox", "sleep", "100"]);
      await output(["pause", id]);
      await output([...how, id]);
      const { stdout } = await command(["inspect", "-f", "{{.State.Status}}", id]);
      expect([how[0], stdout.trim()]).toEqual([
        how[0],
        { kill: "exited", restart: "running", rm: "" }[how[0] ?? ""],
      ]);
    }
  });

  test("events tell of both", async () => {
    const since = String(Date.now() / 1000);
    const id = await started(["busybox", "sleep", "100"]);
    await output(["pause", id]);
    await output(["unpause", id]);
    const text = await output([
      ...["events", "--since", since, "--until", String(Date.now() / 1000 + 0.5)],
      ...["--filter", `container=${id}`, "--filter", "event=pause", "--filter", "event=unpause"],
      ...["--format", "{{.Action}}"],
    ]);
    expect(text.split("\n")).toEqual(["pause", "unpause"]);
  });

  test.skipIf(ON_DOCKER)(
    "a paused container stays so when the daemon is killed and started again",
    async () => {
      const id = await started(["busybox", ...COUNTER]);
      await output(["pause", id]);
      await engine.kill();
      await engine.start();
      expect(await output(["inspect", "-f", "{{.State.Status}}", id])).toBe("paused");
      const before = await lines(id);
      await output(["unpause", id]);
      await eventually("more output", async () => (await lines(id)) > before);
    },
  );
});
