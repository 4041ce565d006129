import { describe, expect, test } from "bun:test";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { HostConfig } from "../spec/docker.ts";
import { eventually, type FakeEngine, fakeEngine } from "./_fakes.ts";

async function run(fake: FakeEngine, HostConfig: HostConfig = {}): Promise<string> {
  const { Id } = await fake.engine.containers.create({ Image: "bb", HostConfig }, {});
  await fake.engine.containers.start(Id);
  // The answer to a start does not wait for the disk.
  await eventually(() => fake.shim().running !== undefined);
  await fake.engine.close();
  return Id;
}

async function shown(fake: FakeEngine, id: string) {
  const { State, RestartCount } = await fake.engine.containers.inspect(id, { size: false });
  return { ...State, RestartCount };
}

const EXIT = {
  exitCode: 7,
  oomKilled: false,
  startedAt: "2026-01-01T00:00:00Z",
  finishedAt: "2026-01-01T00:00:01Z",
};

describe("an engine that starts", () => {
  test("takes over a container whose shim answers, and hears of its end", async () => {
    await using fake = await fakeEngine();
    const id = await run(fake);
    fake.reachable.set(fake.shim().socket, fake.shim());
    await fake.reopen();
    expect(await shown(fake, id)).toMatchObject({ Status: "running", Pid: 4321 });
    fake.shim().end(2);
    await eventually(() => fake.actions().includes("die"));
    expect(await shown(fake, id)).toMatchObject({ Status: "exited", ExitCode: 2 });
  });

  test("takes the end that a shim wrote down while no engine ran", async () => {
    await using fake = await fakeEngine();
    const id = await run(fake);
    await writeFile(join(fake.root, id, "exit.json"), JSON.stringify(EXIT));
    await fake.reopen();
    expect(await shown(fake, id)).toMatchObject({
      Status: "exited",
      ExitCode: 7,
      FinishedAt: EXIT.finishedAt,
    });
    await eventually(() => fake.mounted.size === 0);
  });

  test("gives 255 to a container of which nobody knows the end, and kills what is left of it", async () => {
    await using fake = await fakeEngine();
    const id = await run(fake);
    await fake.reopen();
    expect(await shown(fake, id)).toMatchObject({ Status: "exited", ExitCode: 255 });
    expect(fake.killed).toContain(`/fathom/${id}`);
  });

  test("knows a run of which the engine before did not hear: its shim was noted", async () => {
    await using fake = await fakeEngine();
    const { Id } = await fake.engine.containers.create({ Image: "bb" }, {});
    await fake.engine.close();
    const state = await Bun.file(join(fake.root, Id, "state.json")).json();
    await writeFile(
      join(fake.root, Id, "state.json"),
      JSON.stringify({ ...state, Shim: { Pid: 1, Socket: "/gone" } }),
    );
    await writeFile(join(fake.root, Id, "exit.json"), JSON.stringify(EXIT));
    await fake.reopen();
    expect(await shown(fake, Id)).toMatchObject({ Status: "exited", ExitCode: 7, StartedAt: EXIT.startedAt });
  });

  test("removes what --rm promised to remove", async () => {
    await using fake = await fakeEngine();
    await run(fake, { AutoRemove: true });
    await fake.reopen();
    await eventually(() => fake.actions().includes("destroy"));
    expect(await readdir(fake.root)).toEqual([]);
  });

  test("starts what is to start with it", async () => {
    await using fake = await fakeEngine();
    const id = await run(fake, { RestartPolicy: { Name: "always" } });
    await fake.reopen();
    await eventually(() => fake.shims.length === 2 && fake.shim().running !== undefined);
    expect(await shown(fake, id)).toMatchObject({ Status: "running" });
  });

  test("does not start what was stopped unless told always", async () => {
    await using fake = await fakeEngine();
    const { Id } = await fake.engine.containers.create(
      { Image: "bb", HostConfig: { RestartPolicy: { Name: "unless-stopped" } } },
      {},
    );
    await fake.engine.containers.start(Id);
    await fake.engine.containers.stop(Id, {});
    await fake.engine.close();
    await fake.reopen();
    await Bun.sleep(30);
    expect(await shown(fake, Id)).toMatchObject({ Status: "exited" });
  });

  test.each(["config.json", "hostconfig.json"])(
    "shows a container with a torn %s as dead, and removes it",
    async (file) => {
      await using fake = await fakeEngine();
      const { Id } = await fake.engine.containers.create({ Image: "bb" }, { name: "web" });
      await writeFile(join(fake.root, Id, file), '{"Id":"');
      await fake.reopen();
      expect(fake.warnings.at(-1)).toBe(
        `container ${Id} is damaged and can only be removed: ${join(fake.root, Id, file)} is torn`,
      );
      expect(await shown(fake, Id)).toMatchObject({ Status: "dead", Dead: true });
      const [row] = await fake.engine.containers.list({
        all: true,
        limit: 0,
        size: false,
        filters: { status: ["dead"] },
      });
      expect(row?.Id).toBe(Id);
      await fake.engine.containers.remove(Id, { force: true, volumes: false, link: false });
      expect(await readdir(fake.root)).toEqual([]);
    },
  );

  test("takes a container whose state a power cut has torn for ended", async () => {
    await using fake = await fakeEngine();
    const { Id } = await fake.engine.containers.create({ Image: "bb" }, {});
    await writeFile(join(fake.root, Id, "state.json"), "");
    await fake.reopen();
    expect(await shown(fake, Id)).toMatchObject({ Status: "exited", ExitCode: 255 });
  });

  test("clears what a create left that was cut short", async () => {
    await using fake = await fakeEngine();
    const { Id } = await fake.engine.containers.create({ Image: "bb" }, {});
    await Bun.file(join(fake.root, Id, "config.json")).delete();
    await fake.reopen();
    expect(await readdir(fake.root)).toEqual([]);
    expect(fake.prepared.size).toBe(0);
  });
});
