import { describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { kindOf, messageOf } from "../std/errors.ts";
import { eventually, type FakeEngine, fakeEngine } from "./_fakes.ts";

async function run(fake: FakeEngine): Promise<{ id: string; path: string }> {
  const { Id } = await fake.engine.containers.create({ Image: "bb", StopSignal: "SIGTERM" }, { name: "web" });
  await fake.engine.containers.start(Id);
  return { id: Id, path: `/fathom/${Id}` };
}

async function status(fake: FakeEngine, id: string): Promise<string> {
  const { State } = await fake.engine.containers.inspect(id, { size: false });
  return `${State.Status} ${State.Running} ${State.Paused}`;
}

async function failure(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "no error",
    (error) => `${kindOf(error)}: ${messageOf(error)}`,
  );
}

describe("a pause", () => {
  test("freezes the control group, is shown and told, and unpause undoes it", async () => {
    await using fake = await fakeEngine();
    const { id, path } = await run(fake);
    await fake.engine.resources.pause("web");
    expect(fake.frozen).toEqual(new Set([path]));
    expect(await status(fake, id)).toBe("paused true true");
    expect(fake.engine.counts()).toEqual({ running: 0, paused: 1, stopped: 0 });
    await fake.engine.resources.unpause(id);
    expect(fake.frozen.size).toBe(0);
    expect(await status(fake, id)).toBe("running true false");
    expect(fake.actions().slice(-2)).toEqual(["pause", "unpause"]);
  });

  test("is refused in Docker's words where nothing runs or it is paused", async () => {
    await using fake = await fakeEngine();
    const { id } = await run(fake);
    const { resources } = fake.engine;
    expect(await failure(resources.unpause(id))).toBe(`conflict: container ${id} is not paused`);
    await resources.pause(id);
    expect(await failure(resources.pause(id))).toBe(`conflict: container ${id} is already paused`);
    await fake.engine.containers.kill(id);
    expect(await failure(resources.pause(id))).toBe(`conflict: container ${id} is not running`);
  });

  test("that the kernel refuses leaves it running", async () => {
    await using fake = await fakeEngine();
    const { id, path } = await run(fake);
    fake.options.cgroups.freeze = async () => {
      fake.frozen.add(path);
      throw new Error("EBUSY");
    };
    expect(await failure(fake.engine.resources.pause(id))).toContain("EBUSY");
    expect(fake.frozen.size).toBe(0);
    expect(await status(fake, id)).toBe("running true false");
  });

  test("of one that ends meanwhile is refused", async () => {
    await using fake = await fakeEngine();
    const { id } = await run(fake);
    fake.options.cgroups.freeze = async () => {
      fake.shim().end(3);
      await eventually(() => fake.actions().includes("die"));
    };
    fake.options.cgroups.thaw = async () => {
      throw new Error("gone");
    };
    expect(await failure(fake.engine.resources.pause(id))).toBe(`conflict: container ${id} is not running`);
    expect(fake.warnings).toEqual([]);
  });

  test.each(["stop", "kill"] as const)("ends with a %s, which arrives only then", async (how) => {
    await using fake = await fakeEngine();
    const { id } = await run(fake);
    fake.shim().ignored.push(15, 9);
    fake.options.cgroups.thaw = async (path) => {
      fake.frozen.delete(path);
      fake.shim().end(128 + (fake.shim().signals[0] ?? 0));
    };
    await fake.engine.resources.pause(id);
    if (how === "stop") await fake.engine.containers.stop(id, {});
    else await fake.engine.containers.kill(id);
    expect(fake.frozen.size).toBe(0);
    await eventually(() => fake.actions().includes("die"));
    expect(fake.shim().signals).toEqual([how === "stop" ? 15 : 9]);
    expect(await status(fake, id)).toBe("exited false false");
  });

  test("outlasts a signal that is not to end it", async () => {
    await using fake = await fakeEngine();
    const { id, path } = await run(fake);
    fake.shim().ignored.push(10);
    await fake.engine.resources.pause(id);
    await fake.engine.containers.kill(id, "USR1");
    expect(fake.shim().signals).toEqual([10]);
    expect(fake.frozen).toEqual(new Set([path]));
  });

  test.each([
    ["paused", true],
    ["running", false],
  ])("is what the kernel says when an engine starts: %s", async (shown, frozen) => {
    await using fake = await fakeEngine();
    const { id, path } = await run(fake);
    if (!frozen) await fake.engine.resources.pause(id);
    await fake.engine.close();
    if (frozen) fake.frozen.add(path);
    else fake.frozen.clear();
    fake.reachable.set(fake.shim().socket, fake.shim());
    await fake.reopen();
    expect((await fake.engine.containers.inspect(id, { size: false })).State.Status).toBe(
      shown as "paused" | "running",
    );
  });

  test("that was for a commit which was cut short ends with the next engine's start", async () => {
    await using fake = await fakeEngine();
    const { id, path } = await run(fake);
    const state = join(fake.options.root, id, "state.json");
    const stands = Promise.withResolvers<void>();
    fake.options.files.commit = async () => {
      stands.resolve();
      return new Promise(() => undefined);
    };
    const commit = { author: "", comment: "", pause: true, changes: [], config: {} };
    void fake.engine.files.commit(id, commit);
    await stands.promise;
    expect(fake.frozen).toEqual(new Set([path]));
    expect(JSON.parse(await readFile(state, "utf8"))).toMatchObject({ PausedFor: "commit" });
    await fake.engine.close();
    fake.reachable.set(fake.shim().socket, fake.shim());
    await fake.reopen();
    expect(fake.frozen.size).toBe(0);
    expect(await status(fake, id)).toBe("running true false");
    await fake.engine.resources.pause(id);
    await fake.engine.close();
    await fake.reopen();
    expect(await status(fake, id)).toBe("paused true true");
  });
});
