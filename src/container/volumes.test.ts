import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ContainerCreateRequest } from "../spec/docker.ts";
import { eventually, type FakeEngine, fakeEngine, onDisk } from "./_fakes.ts";

const VOLUME = /^[0-9a-f]{64}$/;
const gone = { force: false, volumes: true, link: false };

async function create(fake: FakeEngine, request: ContainerCreateRequest): Promise<string> {
  return (await fake.engine.containers.create({ Image: "bb", ...request }, {})).Id;
}

async function mounts(fake: FakeEngine, id: string) {
  return (await fake.engine.containers.inspect(id, { size: false })).Mounts;
}

describe("a container's mounts", () => {
  test("are shown as Docker shows them, and what a start needs beyond that is not", async () => {
    await using fake = await fakeEngine();
    const id = await create(fake, {
      Volumes: { "/anon": {} },
      HostConfig: { Binds: ["db:/data:ro"], Mounts: [{ Type: "tmpfs", Target: "/t" }] },
    });
    const [named, tmpfs, anonymous] = await mounts(fake, id);
    expect(named).toEqual({
      Type: "volume",
      Name: "db",
      Source: "/volumes/db/_data",
      Destination: "/data",
      Driver: "local",
      Mode: "ro",
      RW: false,
      Propagation: "",
    });
    expect(tmpfs).toEqual({
      Type: "tmpfs",
      Source: "",
      Destination: "/t",
      Mode: "",
      RW: true,
      Propagation: "",
    });
    expect(anonymous).toMatchObject({ Destination: "/anon", Mode: "", Name: expect.stringMatching(VOLUME) });
  });

  test("of other containers give way to its own, and those to none that is declared", async () => {
    await using fake = await fakeEngine();
    const first = await create(fake, { HostConfig: { Binds: ["one:/a", "two:/b"], Tmpfs: { "/t": "" } } });
    const id = await create(fake, {
      Volumes: { "/a": {}, "/b": {}, "/t": {}, "/c": {} },
      HostConfig: { VolumesFrom: [`${first}:ro`], Binds: ["three:/b"], Tmpfs: { "/t": "" } },
    });
    const found = (await mounts(fake, id)).map(({ Name, Destination, RW }) => [Destination, Name, RW]);
    expect(found).toEqual([
      ["/a", "one", false],
      ["/b", "three", true],
      ["/c", expect.stringMatching(VOLUME), true],
    ]);
  });

  test("are in the bundle where they are for this start, and given back at its end", async () => {
    await using fake = await fakeEngine();
    const Mounts = [
      { Type: "volume", Source: "db", Target: "/part", VolumeOptions: { Subpath: "x" } },
      { Type: "image", Source: "bb", Target: "/image" },
    ] as const;
    const id = await create(fake, { HostConfig: { Binds: ["db:/data"], Mounts: [...Mounts] } });
    await fake.engine.containers.start(id);
    const staged = join(fake.root, id, "mounts");
    const bundle = (await onDisk(fake, "../run/bundles", `${id}/config.json`)) as {
      mounts: { destination: string; source: string }[];
    };
    const sources = new Map(bundle.mounts.map(({ destination, source }) => [destination, source]));
    expect(sources.get("/data")).toBe("/volumes/db/_data");
    expect(sources.get("/part")).toMatch(new RegExp(`^${staged}/\\d+-1$`));
    expect(sources.get("/image")).toMatch(new RegExp(`^${staged}/\\d+-2.image$`));
    // What the start alone needed is gone; the volume is mounted twice.
    expect([...fake.mounted]).toEqual([id]);
    expect(fake.volumes.get("db")?.get(id)).toBe(2);
    fake.shim().end(0);
    await eventually(() => fake.volumes.get("db")?.get(id) === 0);
  });
});

describe("a failure", () => {
  test("while volumes are made leaves no anonymous one and nobody who uses the others", async () => {
    await using fake = await fakeEngine();
    const request = { Volumes: { "/anon": {} }, HostConfig: { Binds: ["db:/a", "bad:/b"] } };
    expect(create(fake, request)).rejects.toThrow("create bad: no such driver");
    await eventually(() => fake.volumes.get("db")?.size === 0);
    expect([...fake.volumes.keys()]).toEqual(["db"]);
  });

  test("to launch gives back what was mounted", async () => {
    await using fake = await fakeEngine();
    const id = await create(fake, { HostConfig: { Binds: ["db:/a"] } });
    fake.failNext(new Error("no"));
    expect(fake.engine.containers.start(id)).rejects.toThrow("no");
    await eventually(() => fake.volumes.get("db")?.get(id) === 0);
  });
});

describe("removing a container", () => {
  test("keeps its volumes unless told so, and named ones always", async () => {
    await using fake = await fakeEngine();
    const request = { Volumes: { "/anon": {} }, HostConfig: { Binds: ["db:/a"] } };
    await fake.engine.containers.remove(await create(fake, request), { ...gone, volumes: false });
    expect(fake.volumes.size).toBe(2);
    await fake.engine.containers.remove(await create(fake, request), gone);
    expect(fake.volumes.size).toBe(2);
    expect([...fake.volumes.values()].every((users) => users.size === 0)).toBe(true);
  });

  test("leaves an anonymous volume that another uses too", async () => {
    await using fake = await fakeEngine();
    const first = await create(fake, { Volumes: { "/anon": {} } });
    const second = await create(fake, { HostConfig: { VolumesFrom: [first] } });
    await fake.engine.containers.remove(first, gone);
    expect(fake.volumes.size).toBe(1);
    await fake.engine.containers.remove(second, gone);
    expect(fake.volumes.size).toBe(0);
  });

  test("at its end (--rm) takes its anonymous volumes along", async () => {
    await using fake = await fakeEngine();
    const id = await create(fake, { Volumes: { "/anon": {} }, HostConfig: { AutoRemove: true } });
    await fake.engine.containers.start(id);
    fake.shim().end(0);
    await eventually(() => fake.actions().includes("destroy"));
    expect(fake.volumes.size).toBe(0);
  });
});

describe("an engine that starts", () => {
  test("is told who uses which volume, and how often one that runs sees it", async () => {
    await using fake = await fakeEngine();
    const HostConfig = { Binds: ["db:/a", "db:/b"] };
    const up = await create(fake, { HostConfig });
    const down = await create(fake, { HostConfig });
    await fake.engine.containers.start(up);
    await fake.engine.close();
    fake.reachable.set(fake.shim().socket, fake.shim());
    fake.volumes.clear();
    await fake.reopen();
    expect([...(fake.volumes.get("db") ?? [])].sort()).toEqual(
      [
        [up, 2],
        [down, 0],
      ].sort() as [string, number][],
    );
  });

  test("removes the anonymous volumes of a container whose making or removal was cut short", async () => {
    await using fake = await fakeEngine();
    const id = "e".repeat(64);
    await mkdir(join(fake.root, id));
    await writeFile(join(fake.root, id, "anonymous-volumes.json"), '["left"]');
    fake.volumes.set("left", new Map()).set("other", new Map());
    await fake.reopen();
    expect([...fake.volumes.keys()]).toEqual(["other"]);
  });

  test("keeps those of one that is whole, though the note of them is still there", async () => {
    await using fake = await fakeEngine();
    const id = await create(fake, { Volumes: { "/anon": {} } });
    const note = join(fake.root, id, "anonymous-volumes.json");
    expect(existsSync(note)).toBe(false);
    const [name] = [...fake.volumes.keys()];
    await writeFile(note, JSON.stringify([name]));
    await fake.reopen();
    expect(existsSync(note)).toBe(false);
    // Its removal without volumes, cut short, keeps them too.
    await rm(join(fake.root, id, "config.json"));
    await fake.reopen();
    expect(fake.volumes.has(name ?? "")).toBe(true);
  });
});
