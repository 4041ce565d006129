import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, readdir, symlink, writeFile } from "node:fs/promises";
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

  test.each([null, { Pid: 1, Socket: "/gone" }])(
    "does a restart that was due, counted once, whether or not a shim was noted for it already: %p",
    async (Shim) => {
      await using fake = await fakeEngine();
      const id = await run(fake, { RestartPolicy: { Name: "on-failure", MaximumRetryCount: 2 } });
      const file = join(fake.root, id, "state.json");
      const state = await Bun.file(file).json();
      const waits = { Status: "restarting", ExitCode: 7, RestartCount: 2, Pid: 0, Shim };
      await writeFile(file, JSON.stringify({ ...state, ...waits }));
      await fake.reopen();
      expect(await shown(fake, id)).toMatchObject({ Status: "restarting", RestartCount: 2 });
      await eventually(() => fake.shims.length === 2 && fake.shim().running !== undefined);
      fake.shim().end(7);
      await eventually(() => fake.actions().includes("die"));
      expect(await shown(fake, id)).toMatchObject({ Status: "exited", ExitCode: 7, RestartCount: 2 });
    },
  );

  test("does not restart what ended after a stop of which the engine before did not see the end", async () => {
    await using fake = await fakeEngine();
    const id = await run(fake, { RestartPolicy: { Name: "unless-stopped" } });
    const file = join(fake.root, id, "state.json");
    await writeFile(file, JSON.stringify({ ...(await Bun.file(file).json()), ManuallyStopped: true }));
    await writeFile(join(fake.root, id, "exit.json"), JSON.stringify(EXIT));
    await fake.reopen();
    expect(await shown(fake, id)).toMatchObject({ Status: "exited", ExitCode: 7, RestartCount: 0 });
  });

  test("does not ask a shim that was noted in another boot of the host, and says why the container ended", async () => {
    await using fake = await fakeEngine();
    const id = await run(fake);
    fake.reachable.set(fake.shim().socket, fake.shim());
    const file = join(fake.root, id, "state.json");
    const state = await Bun.file(file).json();
    await writeFile(file, JSON.stringify({ ...state, Shim: { ...state.Shim, Boot: "another" } }));
    await fake.reopen();
    expect(await shown(fake, id)).toMatchObject({
      Status: "exited",
      ExitCode: 255,
      Error: "the host was started anew while it ran: how its program would have ended is not known",
    });
  });

  test("reads a state with fewer fields than it writes, and keeps those it does not know", async () => {
    await using fake = await fakeEngine();
    const { Id } = await fake.engine.containers.create({ Image: "bb" }, {});
    await fake.engine.close();
    const file = join(fake.root, Id, "state.json");
    await writeFile(file, JSON.stringify({ Status: "exited", Pid: 0, ExitCode: 3, Later: "kept" }));
    await fake.reopen();
    expect(await shown(fake, Id)).toMatchObject({
      Status: "exited",
      ExitCode: 3,
      Error: "",
      RestartCount: 0,
    });
    await fake.engine.containers.start(Id);
    await eventually(() => JSON.parse(readFileSync(file, "utf8")).Status === "running");
    expect(await Bun.file(file).json()).toMatchObject({ Later: "kept", OOMKilled: false });
  });

  test("reads a configuration with fewer fields, which are as in a new container, and keeps what it says", async () => {
    await using fake = await fakeEngine();
    const id = await run(fake, { Memory: 1 << 30, MaskedPaths: [] });
    const whole = await fake.engine.containers.inspect(id, { size: false });
    const keep = async (file: string, change: (fields: Record<string, unknown>) => object) => {
      const path = join(fake.root, id, file);
      await writeFile(path, JSON.stringify(change(JSON.parse(readFileSync(path, "utf8")))));
    };
    const kept = ["NetworkMode", "RestartPolicy", "AutoRemove", "LogConfig", "Memory", "MaskedPaths"];
    await keep("hostconfig.json", (fields) => ({
      ...Object.fromEntries(Object.entries(fields).filter(([name]) => kept.includes(name))),
      ReadonlyPaths: null,
    }));
    await keep("config.json", (fields) => ({ ...fields, Config: { Image: "bb", Cmd: ["sh"] } }));
    await fake.reopen();
    const shown = await fake.engine.containers.inspect(id, { size: false });
    expect(shown.HostConfig).toEqual({ ...whole.HostConfig, ReadonlyPaths: null });
    expect(shown.Config).toMatchObject({ Cmd: ["sh"], Env: null, Labels: {}, Tty: false });
    await fake.engine.containers.start(id);
    await fake.engine.close();
  });

  test("removes bundles of containers that are gone", async () => {
    await using fake = await fakeEngine();
    const bundle = join(fake.root, "..", "run", "bundles", "f".repeat(64));
    await mkdir(bundle, { recursive: true });
    await fake.reopen();
    expect(await readdir(join(bundle, ".."))).toEqual([]);
  });

  test.each([
    ["a file", (path: string) => writeFile(path, "")],
    ["a symbolic link", (path: string) => symlink("/etc", path)],
  ])(
    "shows %s where a container's directory should be as dead, and removes no more than that",
    async (what, make) => {
      await using fake = await fakeEngine();
      const id = "f".repeat(64);
      await make(join(fake.root, id));
      await fake.reopen();
      const state = await shown(fake, id);
      expect(state).toMatchObject({ Status: "dead" });
      expect(state.Error).toContain(`is ${what} and no directory`);
      await fake.engine.containers.remove(id, { force: true, volumes: false, link: false });
      expect(await readdir(fake.root)).toEqual([]);
      expect(existsSync("/etc/passwd")).toBe(true);
    },
  );

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
