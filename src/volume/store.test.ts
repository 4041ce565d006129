import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isMounted, mountOnHost, unmount } from "../kernel/mod.ts";
import { openVolumes, type Volumes } from "./mod.ts";

let base: string;
let root: string;
let events: { action: string; id: string; attributes: Record<string, string> }[];
let warnings: string[];
let volumes: Volumes;

const open = () =>
  openVolumes({ root, emit: (event) => events.push(event), warn: (sentence) => warnings.push(sentence) });
const names = () => volumes.list({}).Volumes.map(({ Name }) => Name);
const mounting = (name: string, user = "c1") => ({
  name,
  user,
  destination: "/d",
  writable: true,
  propagation: "",
});

beforeEach(async () => {
  base = await mkdtemp("/tmp/fathom-test-volumes-");
  root = join(base, "volumes");
  events = [];
  warnings = [];
  volumes = await open();
});
afterEach(() => rm(base, { recursive: true, force: true }));

describe("a volume", () => {
  test("is a directory with plain JSON beside its files", async () => {
    const made = await volumes.create({ Name: "db", Labels: { a: "b" } });
    expect(made).toMatchObject({
      Name: "db",
      Driver: "local",
      Scope: "local",
      Labels: { a: "b" },
      Options: null,
    });
    expect(made.Mountpoint).toBe(join(root, "db", "_data"));
    expect(JSON.parse(await readFile(join(root, "db", "volume.json"), "utf8"))).toMatchObject({ Name: "db" });
    expect((await stat(made.Mountpoint)).mode & 0o777).toBe(0o755);
    expect(events).toEqual([{ action: "create", id: "db", attributes: { driver: "local" } }]);
  });

  test("is made once: a second create gives the first, with its labels", async () => {
    await volumes.create({ Name: "db", Labels: { a: "b" } });
    expect(await volumes.create({ Name: "db", Labels: { c: "d" } })).toMatchObject({ Labels: { a: "b" } });
    expect(events).toHaveLength(1);
  });

  test("without a name is anonymous, and says so in a label", async () => {
    const { Name, Labels } = await volumes.create({});
    expect(Name).toMatch(/^[0-9a-f]{64}$/);
    expect(Labels).toEqual({ "com.docker.volume.anonymous": "" });
  });

  test("is found by the next engine, which clears what is not whole", async () => {
    await volumes.create({ Name: "db" });
    await mkdir(join(root, ".new-1-1", "_data"), { recursive: true });
    await mkdir(join(root, ".gone-1-1", "_data"), { recursive: true });
    await mkdir(join(root, "torn", "_data"), { recursive: true });
    volumes = await open();
    expect(names()).toEqual(["db"]);
    expect((await readdir(root)).sort()).toEqual(["db", "torn"]);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain("volume torn is damaged");
  });

  test.each([
    [
      { Name: "x" },
      "create x: volume name is too short, names should be at least two alphanumeric characters",
    ],
    [{ Name: "../up" }, 'create ../up: "../up" includes invalid characters for a local volume name'],
    [{ Name: "ok", DriverOpts: { foo: "bar" } }, 'create ok: invalid option: "foo"'],
    [{ Name: "ok", DriverOpts: { type: "tmpfs" } }, 'create ok: missing required option: "device"'],
    [
      { Name: "ok", Driver: "nope" },
      'create ok: error looking up volume plugin nope: plugin "nope" not found',
    ],
  ])("is refused for %j", async (request, sentence) => {
    expect(volumes.create(request)).rejects.toThrow(sentence);
    await Bun.sleep(0);
    expect(names()).toEqual([]);
  });
});

describe("a user", () => {
  test("keeps a volume from being removed, and is named", async () => {
    await volumes.create({ Name: "db" }, { user: "c1" });
    await volumes.create({ Name: "db" }, { user: "c2" });
    expect(volumes.remove("db")).rejects.toThrow("remove db: volume is in use - [c1, c2]");
    volumes.release("db", "c1");
    volumes.release("db", "c2");
    await volumes.remove("db");
    expect(await readdir(root)).toEqual([]);
    expect(volumes.remove("db")).rejects.toThrow("get db: no such volume");
  });

  test("is told to an engine that starts", async () => {
    await volumes.create({ Name: "db" });
    volumes = await open();
    volumes.hold("db", "c1", { mounted: 1 });
    expect(volumes.list({ dangling: ["true"] }).Volumes).toEqual([]);
    expect((await volumes.usage()).map(({ users }) => users)).toEqual([1]);
  });
});

describe("filters", () => {
  beforeEach(async () => {
    await volumes.create({ Name: "app-db", Labels: { tier: "data", env: "prod" } });
    await volumes.create({ Name: "cache", Labels: { tier: "fast" } }, { user: "c1" });
  });
  const shown = (filters: Record<string, string[]>) => volumes.list(filters).Volumes.map(({ Name }) => Name);

  test("let pass what all of them want", () => {
    expect(shown({})).toEqual(["app-db", "cache"]);
    expect(shown({ dangling: ["1"] })).toEqual(["app-db"]);
    expect(shown({ dangling: ["false"] })).toEqual(["cache"]);
    expect(shown({ name: ["^app"] })).toEqual(["app-db"]);
    expect(shown({ driver: ["other"] })).toEqual([]);
    expect(shown({ label: ["tier", "env=prod"] })).toEqual(["app-db"]);
    expect(() => shown({ odd: ["x"] })).toThrow("invalid filter 'odd'");
    expect(() => shown({ dangling: ["maybe"] })).toThrow("invalid filter 'dangling=[maybe]'");
  });

  test("of prune: anonymous ones only, unless all are wanted", async () => {
    const { Name } = await volumes.create({});
    await writeFile(join(root, Name, "_data", "f"), "12345");
    expect(await volumes.prune({}, { all: false })).toEqual({ VolumesDeleted: [Name], SpaceReclaimed: 5 });
    expect(await volumes.prune({ "label!": ["tier=data"] }, { all: true })).toMatchObject({
      VolumesDeleted: [],
    });
    expect(await volumes.prune({ all: ["true"] }, { all: false })).toMatchObject({
      VolumesDeleted: ["app-db"],
    });
    expect(shown({})).toEqual(["cache"]);
    expect(events.at(-1)).toEqual({ action: "prune", id: "", attributes: { reclaimed: "0" } });
  });
});

describe("a volume with options", () => {
  const tmpfs = { Name: "ram", DriverOpts: { type: "tmpfs", device: "tmpfs", o: "size=1m,mode=700,noexec" } };

  test("is mounted by the first and unmounted after the last that uses it", async () => {
    const { Mountpoint } = await volumes.create(tmpfs);
    expect(isMounted(Mountpoint)).toBe(false);
    await volumes.mount(mounting("ram", "c1"));
    await volumes.mount(mounting("ram", "c2"));
    expect((await stat(Mountpoint)).mode & 0o777).toBe(0o700);
    await volumes.unmount("ram", "c1");
    expect(isMounted(Mountpoint)).toBe(true);
    await volumes.unmount("ram", "c2");
    expect(isMounted(Mountpoint)).toBe(false);
    expect(events.map(({ action }) => action)).toEqual(["create", "mount", "mount", "unmount", "unmount"]);
    expect(events[1]?.attributes).toEqual({
      container: "c1",
      destination: "/d",
      driver: "local",
      propagation: "",
      "read/write": "true",
    });
  });

  test("that an earlier engine left mounted is unmounted when nobody uses it", async () => {
    const { Mountpoint } = await volumes.create(tmpfs);
    await volumes.mount(mounting("ram"));
    volumes = await open();
    volumes.hold("ram", "c1", { mounted: 1 });
    volumes.settle();
    expect(isMounted(Mountpoint)).toBe(true);
    volumes = await open();
    volumes.settle();
    expect(isMounted(Mountpoint)).toBe(false);
  });

  test("may show a directory of the host, read-only", async () => {
    await mkdir(join(base, "host"));
    await writeFile(join(base, "host", "f"), "here");
    const DriverOpts = { type: "none", device: join(base, "host"), o: "bind,ro" };
    const { Mountpoint } = await volumes.create({ Name: "shown", DriverOpts });
    await volumes.mount(mounting("shown"));
    try {
      expect(await readFile(join(Mountpoint, "f"), "utf8")).toBe("here");
      expect(writeFile(join(Mountpoint, "g"), "x")).rejects.toThrow("EROFS");
    } finally {
      await volumes.unmount("shown", "c1");
    }
  });

  test("that cannot be mounted says what was tried", async () => {
    const DriverOpts = { type: "none", device: join(base, "absent"), o: "bind" };
    const { Mountpoint } = await volumes.create({ Name: "bad", DriverOpts });
    expect(volumes.mount(mounting("bad"))).rejects.toThrow(
      `error while mounting volume '${Mountpoint}': failed to mount local volume: mount ${base}/absent:${Mountpoint}, flags: 0x1000: no such file or directory`,
    );
  });
});

test("what begins to use a volume while it is pruned keeps it", async () => {
  const { Name } = await volumes.create({});
  const pruned = volumes.prune({}, { all: false });
  await volumes.create({ Name }, { user: "c1" });
  const { VolumesDeleted } = await pruned;
  expect([VolumesDeleted, names()]).toEqual([[], [Name]]);
});

test("a volume in which something is mounted is not removed, and what is mounted stays whole", async () => {
  const { Mountpoint } = await volumes.create({ Name: "db" });
  const target = join(Mountpoint, "disk");
  await mkdir(target);
  mountOnHost({ source: "tmpfs", target, type: "tmpfs", flags: 0, data: "" });
  try {
    await writeFile(join(target, "f"), "precious");
    expect(volumes.remove("db")).rejects.toThrow(`something is mounted at ${target}: unmount it first`);
    await Bun.sleep(5);
    expect(await readFile(join(target, "f"), "utf8")).toBe("precious");
  } finally {
    unmount(target);
  }
  await volumes.remove("db");
});
