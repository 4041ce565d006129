import { describe, expect, test } from "bun:test";
import { kindOf, messageOf } from "../../std/errors.ts";
import { type FakeEngine, fakeEngine } from "../_fakes.ts";

async function created(fake: FakeEngine, name = "web", labels: Record<string, string> = {}): Promise<string> {
  const { Id } = await fake.engine.containers.create({ Image: "bb", Labels: labels }, { name });
  return Id;
}

async function failure(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "no error",
    (error) => `${kindOf(error)}: ${messageOf(error)}`,
  );
}

async function read(source: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of source) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

async function* nothing(): AsyncGenerator<Uint8Array, void> {
  yield new Uint8Array(0);
}

describe("looking into a container", () => {
  test("mounts one that does not run for as long as somebody looks", async () => {
    await using fake = await fakeEngine();
    const id = await created(fake);
    const { archive } = await fake.engine.files.pack("web", "/f");
    expect(fake.files.viewsOpen).toBe(1);
    expect(await read(archive)).toBe("tar");
    expect(fake.files.viewsOpen).toBe(0);
    expect(fake.mounted.has(id)).toBe(false);
    expect(fake.actions().at(-1)).toBe("archive-path");
  });

  test("lets go of an archive that is left early, and of one that failed", async () => {
    await using fake = await fakeEngine();
    await created(fake);
    for await (const _ of (await fake.engine.files.pack("web", "/f")).archive) break;
    expect(await failure(fake.engine.files.pack("web", "/absent"))).toBe(
      "not-found: Could not find the file /absent in container web",
    );
    expect(fake.files.viewsOpen).toBe(0);
  });

  test("leaves one mounted that was started meanwhile", async () => {
    await using fake = await fakeEngine();
    const id = await created(fake);
    const root = await fake.engine.files.exported("web");
    await fake.engine.containers.start(id);
    expect(await read(root)).toBe("whole");
    expect(fake.mounted.has(id)).toBe(true);
  });

  test("sees one that runs as its first process does", async () => {
    await using fake = await fakeEngine();
    const id = await created(fake);
    await fake.engine.containers.start(id);
    await fake.engine.files.stat("web", "/f");
    expect(fake.files.opened.at(-1)).toMatchObject({ pid: 4321, readOnly: false });
  });

  test("tells of what was unpacked, and names the container as the caller did", async () => {
    await using fake = await fakeEngine();
    const id = await created(fake);
    const options = { noOverwriteDirNonDir: true, copyUIDGID: false };
    await fake.engine.files.unpack("web", { path: "/d", archive: nothing() }, options);
    expect(fake.actions().at(-1)).toBe("extract-to-dir");
    const short = id.slice(0, 8);
    expect(await failure(fake.engine.files.unpack(short, { path: "/x", archive: nothing() }, options))).toBe(
      `not-found: Could not find the file /x in container ${short}`,
    );
  });
});

describe("a commit", () => {
  const OPTIONS = { author: "", comment: "why", pause: true, changes: [], config: {} };

  test("lets a container that runs stand still while it is read, and go on after", async () => {
    await using fake = await fakeEngine();
    const id = await created(fake);
    await fake.engine.containers.start(id);
    let frozen = 0;
    fake.files.whileReading = () => {
      frozen = fake.frozen.size;
    };
    await fake.engine.files.commit("web", { ...OPTIONS, reference: "a:b" });
    expect([frozen, fake.frozen.size]).toEqual([1, 0]);
    expect(fake.actions().slice(-3)).toEqual(["pause", "unpause", "commit"]);
    expect(fake.events.at(-1)?.attributes).toMatchObject({ comment: "why", imageRef: "a:b" });
  });

  test("lets it go on when reading fails, and does not pause when told not to", async () => {
    await using fake = await fakeEngine();
    const id = await created(fake);
    await fake.engine.containers.start(id);
    fake.files.whileReading = () => {
      throw new Error("disk full");
    };
    expect(await failure(fake.engine.files.commit("web", OPTIONS))).toBe("internal: disk full");
    expect(fake.frozen.size).toBe(0);
    fake.files.whileReading = () => expect(fake.frozen.size).toBe(0);
    await fake.engine.files.commit("web", { ...OPTIONS, pause: false });
  });

  test("leaves one paused that was", async () => {
    await using fake = await fakeEngine();
    const id = await created(fake);
    await fake.engine.containers.start(id);
    await fake.engine.resources.pause(id);
    await fake.engine.files.commit("web", OPTIONS);
    expect(fake.frozen.size).toBe(1);
  });

  test("puts changes over the request's configuration, and both over the container's", async () => {
    await using fake = await fakeEngine();
    await fake.engine.containers.create(
      { Image: "bb", Env: ["A=container", "B=container"], Cmd: ["run"], Labels: { k: "v" } },
      { name: "web" },
    );
    const config = { Env: ["A=request"], OnBuild: ["RUN x"] };
    await fake.engine.files.commit("web", { ...OPTIONS, changes: ["changed"], config });
    expect(fake.files.commits.at(-1)).toMatchObject({
      createdBy: "run",
      config: {
        Env: expect.arrayContaining(["A=request", "B=container"]),
        Cmd: ["changed"],
        Labels: { k: "v" },
        OnBuild: ["RUN x"],
      },
    });
  });
});

describe("a prune", () => {
  test("takes away what is not up, and says what that gave", async () => {
    await using fake = await fakeEngine();
    const [up, idle] = [await created(fake, "up"), await created(fake, "idle")];
    await fake.engine.containers.start(up);
    expect(await fake.engine.files.pruneContainers({})).toEqual({
      ContainersDeleted: [idle],
      SpaceReclaimed: 1,
    });
    expect(fake.events.at(-1)).toMatchObject({ action: "prune", attributes: { reclaimed: "1" } });
    expect(await fake.engine.files.pruneContainers({})).toEqual({
      ContainersDeleted: null,
      SpaceReclaimed: 0,
    });
  });

  test("takes only what the filters choose", async () => {
    await using fake = await fakeEngine();
    const { files } = fake.engine;
    const [kept, labelled] = [await created(fake, "aa", { keep: "" }), await created(fake, "bb", { k: "v" })];
    const none = { ContainersDeleted: null, SpaceReclaimed: 0 };
    expect(await files.pruneContainers({ label: ["k=other"] })).toEqual(none);
    expect(await files.pruneContainers({ until: ["1h"] })).toEqual(none);
    expect((await files.pruneContainers({ "label!": ["keep"] })).ContainersDeleted).toEqual([labelled]);
    expect(
      (await files.pruneContainers({ until: [String(Date.now() / 1000 + 60)] })).ContainersDeleted,
    ).toEqual([kept]);
  });

  test.each([
    [{ name: ["x"] }, "invalid: invalid filter 'name'"],
    [{ until: ["soon"] }, 'invalid: failed to parse value as time or duration: "soon"'],
    [{ until: ["1h", "2h"] }, "invalid: more than one until filter specified"],
  ])("refuses %j", async (filters, expected) => {
    await using fake = await fakeEngine();
    expect(await failure(fake.engine.files.pruneContainers(filters as Record<string, string[]>))).toBe(
      expected,
    );
  });
});
