import { describe, expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { ContainerCreateRequest } from "../spec/docker.ts";
import type { RuntimeConfig } from "../spec/oci_runtime.ts";
import { kindOf, messageOf } from "../std/errors.ts";
import { eventually, type FakeEngine, fakeEngine, onDisk } from "./_fakes.ts";

const SLEEP: ContainerCreateRequest = {
  Image: "bb",
  Cmd: ["sleep", "9"],
  HostConfig: { NetworkMode: "none" },
};
const never = new AbortController().signal;

async function create(
  fake: FakeEngine,
  request: ContainerCreateRequest = {},
  name?: string,
): Promise<string> {
  const HostConfig = { ...SLEEP.HostConfig, ...request.HostConfig };
  const { Id } = await fake.engine.containers.create(
    { ...SLEEP, ...request, HostConfig },
    name ? { name } : {},
  );
  return Id;
}

async function run(fake: FakeEngine, request: ContainerCreateRequest = {}, name?: string): Promise<string> {
  const id = await create(fake, request, name);
  await fake.engine.containers.start(id);
  return id;
}

async function state(fake: FakeEngine, id: string) {
  return (await fake.engine.containers.inspect(id, { size: false })).State;
}

async function failure(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "no error",
    (error) => `${kindOf(error)}: ${messageOf(error)}`,
  );
}

describe("a start", () => {
  test("writes the bundle, launches it and tells of it", async () => {
    await using fake = await fakeEngine();
    const id = await run(fake, { Tty: true, OpenStdin: true }, "web");
    const { launched } = fake.shim();
    expect(launched).toMatchObject({
      id,
      runtime: "native",
      openStdin: true,
      stdinOnce: false,
      attachments: 0,
    });
    expect(launched?.log).toEqual({
      driver: "json-file",
      path: join(fake.root, id, `${id}-json.log`),
      maxSize: 10_000_000,
      maxFiles: 10,
    });
    const bundle = (await Bun.file(join(launched?.bundle ?? "", "config.json")).json()) as RuntimeConfig;
    expect(bundle.process.args).toEqual(["sleep", "9"]);
    expect(fake.mounted).toContain(id);
    expect(await state(fake, id)).toMatchObject({ Status: "running", Running: true, Pid: 4321 });
    expect(fake.actions()).toEqual(["create", "start"]);
    expect(fake.events[1]?.attributes).toEqual({ a: "b", image: "bb", name: "web" });
  });

  test("of one that runs is not modified", async () => {
    await using fake = await fakeEngine();
    const id = await run(fake);
    expect(await failure(fake.engine.containers.start(id))).toBe(
      "not-modified: container is already running",
    );
  });

  test("that fails leaves nothing but why, with the exit code of the failure", async () => {
    await using fake = await fakeEngine();
    const id = await create(fake);
    const message = 'OCI runtime create failed: exec: "nope": executable file not found in $PATH: unknown';
    fake.failNext(Object.assign(new Error(message), { exitCode: 127 }));
    expect(await failure(fake.engine.containers.start(id))).toEndWith(message);
    expect(await state(fake, id)).toMatchObject({ Status: "created", ExitCode: 127, Error: message, Pid: 0 });
    expect(fake.mounted.size).toBe(0);
    expect(fake.shim().closed).toBe(true);
    expect(await readdir(join(fake.options.execRoot, "bundles"))).toEqual([]);
    expect(fake.actions()).toEqual(["create"]);
  });

  test("that fails while it mounts lets the shim go that it took", async () => {
    await using fake = await fakeEngine();
    const id = await create(fake);
    fake.failMount = true;
    expect(await failure(fake.engine.containers.start(id))).toBe("internal: mount: EIO");
    expect(fake.shim().closed).toBe(true);
    expect(await state(fake, id)).toMatchObject({ Status: "created", ExitCode: 128 });
  });

  test("of a container with --rm that fails removes it and ends the wait for that", async () => {
    await using fake = await fakeEngine();
    const id = await create(fake, { HostConfig: { AutoRemove: true } });
    const { exit } = await fake.engine.containers.wait(id, "removed", never);
    fake.failNext(Object.assign(new Error("no"), { exitCode: 126 }));
    await failure(fake.engine.containers.start(id));
    expect(await exit).toEqual({ StatusCode: 126 });
    expect(await readdir(fake.root)).toEqual([]);
  });

  test("notes its shim before the launch, so that a new engine finds it", async () => {
    await using fake = await fakeEngine();
    const id = await create(fake);
    const noted = Promise.withResolvers<unknown>();
    const { take } = fake.options.shims;
    fake.options.shims.take = async () => {
      const shim = await take();
      const launch = shim.launch.bind(shim);
      shim.launch = async (how) => {
        noted.resolve(await onDisk(fake, id, "state.json"));
        return launch(how);
      };
      return shim;
    };
    await fake.engine.containers.start(id);
    expect(await noted.promise).toMatchObject({ Status: "created", Shim: { Socket: fake.shim().socket } });
  });
});

describe("an end", () => {
  test("is in the state, on disk and told, and nothing stays mounted", async () => {
    await using fake = await fakeEngine();
    const id = await run(fake);
    const { exit } = await fake.engine.containers.wait(id, "next-exit", never);
    fake.shim().end(3);
    expect(await exit).toEqual({ StatusCode: 3 });
    expect(await state(fake, id)).toMatchObject({ Status: "exited", ExitCode: 3, Pid: 0, Running: false });
    await eventually(() => fake.mounted.size === 0);
    await fake.engine.close();
    expect(await onDisk(fake, id, "state.json")).toMatchObject({ Status: "exited", ExitCode: 3, Shim: null });
    expect(fake.events.at(-1)).toMatchObject({
      action: "die",
      attributes: { exitCode: "3", execDuration: "0" },
    });
  });

  test("for want of memory is told as such", async () => {
    await using fake = await fakeEngine();
    const id = await run(fake);
    fake.shim().end(137, true);
    await eventually(() => fake.actions().includes("die"));
    expect(fake.actions()).toEqual(["create", "start", "oom", "die"]);
    expect((await state(fake, id)).OOMKilled).toBe(true);
  });

  test("removes a container with --rm", async () => {
    await using fake = await fakeEngine();
    const id = await run(fake, { HostConfig: { AutoRemove: true } });
    const { exit } = await fake.engine.containers.wait(id, "removed", never);
    fake.shim().end(5);
    expect(await exit).toEqual({ StatusCode: 5 });
    expect(await failure(fake.engine.containers.start(id))).toBe(`not-found: No such container: ${id}`);
    expect(await readdir(fake.root)).toEqual([]);
    expect(fake.prepared.size).toBe(0);
    expect(fake.actions()).toEqual(["create", "start", "die", "destroy"]);
  });

  test("of a shim that is lost is an exit with 255, and what is left is killed", async () => {
    await using fake = await fakeEngine();
    const id = await run(fake);
    fake.shim().lose();
    await eventually(() => fake.actions().includes("die"));
    expect(await state(fake, id)).toMatchObject({ Status: "exited", ExitCode: 255 });
    expect(fake.killed).toEqual([`/fathom/${id}`]);
  });

  test("of a shim that is lost kills what is left where the container's group is, below --cgroup-parent", async () => {
    await using fake = await fakeEngine();
    const id = await run(fake, { HostConfig: { CgroupParent: "custom/../own" } });
    fake.shim().lose();
    await eventually(() => fake.killed.length > 0);
    expect(fake.killed).toEqual([`/own/${id}`]);
  });
});

describe("a wait", () => {
  test("for not-running is over at once where nothing runs", async () => {
    await using fake = await fakeEngine();
    const id = await create(fake);
    const { exit } = await fake.engine.containers.wait(id, "not-running", never);
    expect(await exit).toEqual({ StatusCode: 0 });
  });

  test("that is given up rejects", async () => {
    await using fake = await fakeEngine();
    const id = await run(fake);
    const giveUp = new AbortController();
    const { exit } = await fake.engine.containers.wait(id, "not-running", giveUp.signal);
    giveUp.abort(new Error("gone"));
    expect(await failure(exit)).toBe("internal: gone");
  });
});

describe("a restart policy", () => {
  test("on-failure starts it again as often as it says, and stops", async () => {
    await using fake = await fakeEngine();
    const policy = { RestartPolicy: { Name: "on-failure", MaximumRetryCount: 2 } };
    const id = await run(fake, { HostConfig: policy });
    for (const count of [2, 3]) {
      fake.shim().end(1);
      await eventually(() => fake.shims.length === count && fake.shim().running !== undefined);
    }
    fake.shim().end(1);
    await eventually(() => fake.actions().filter((action) => action === "die").length === 3);
    const { State, RestartCount } = await fake.engine.containers.inspect(id, { size: false });
    expect(State.Status).toBe("exited");
    expect(RestartCount).toBe(2);
  });

  test("always does not start what was stopped, even between two starts", async () => {
    await using fake = await fakeEngine();
    const id = await run(fake, { HostConfig: { RestartPolicy: { Name: "always" } } });
    fake.shim().end(0);
    await eventually(() => fake.actions().includes("die"));
    expect((await state(fake, id)).Status).toBe("restarting");
    await fake.engine.containers.stop(id, {});
    expect((await state(fake, id)).Status).toBe("exited");
    await Bun.sleep(150);
    expect(fake.shims).toHaveLength(1);
  });
});

describe("a stop", () => {
  test("asks by the container's own signal, and kills when the time is over", async () => {
    await using fake = await fakeEngine();
    const id = await run(fake, { StopSignal: "SIGQUIT" });
    fake.shim().ignored = [3];
    await fake.engine.containers.stop(id, { timeout: 0 });
    expect(fake.shim().signals).toEqual([3, 9]);
    expect((await state(fake, id)).ExitCode).toBe(137);
    expect(fake.actions()).toEqual(["create", "start", "kill", "kill", "die", "stop"]);
    expect(fake.mounted.size).toBe(0);
  });

  test("of what does not run is not modified", async () => {
    await using fake = await fakeEngine();
    const id = await create(fake);
    expect(await failure(fake.engine.containers.stop(id, {}))).toStartWith("not-modified:");
  });

  test("that waits is ended by a kill", async () => {
    await using fake = await fakeEngine();
    const id = await run(fake);
    fake.shim().ignored = [15];
    const stopped = fake.engine.containers.stop(id, { timeout: -1 });
    await eventually(() => fake.shim().signals.length === 1);
    await fake.engine.containers.kill(id);
    await stopped;
    expect((await state(fake, id)).ExitCode).toBe(137);
  });
});

describe("a kill", () => {
  test("takes names and numbers, and leaves a program that lives on", async () => {
    await using fake = await fakeEngine();
    const id = await run(fake);
    fake.shim().ignored = [1, 10];
    await fake.engine.containers.kill(id, "SIGHUP");
    await fake.engine.containers.kill(id, "10");
    expect(fake.shim().signals).toEqual([1, 10]);
    expect((await state(fake, id)).Running).toBe(true);
  });

  test("refuses what is no signal, and what does not run", async () => {
    await using fake = await fakeEngine();
    const id = await run(fake, {}, "web");
    expect(await failure(fake.engine.containers.kill(id, "FOO"))).toBe("invalid: Invalid signal: FOO");
    await fake.engine.containers.kill(id);
    expect(await failure(fake.engine.containers.kill(id))).toBe(
      `conflict: cannot kill container: web: container ${id} is not running`,
    );
  });
});

test("a restart stops and starts, and the exit record of the first run is not taken for that of the second", async () => {
  await using fake = await fakeEngine();
  const id = await run(fake);
  await Bun.write(join(fake.root, id, "exit.json"), "{}");
  await fake.engine.containers.restart(id, {});
  expect(await Bun.file(join(fake.root, id, "exit.json")).exists()).toBe(false);
  expect(fake.actions()).toEqual(["create", "start", "kill", "die", "stop", "start", "restart"]);
  expect((await state(fake, id)).Running).toBe(true);
});

describe("a removal", () => {
  const how = { force: false, volumes: false, link: false };

  test("of one that runs is refused unless forced", async () => {
    await using fake = await fakeEngine();
    const id = await run(fake, {}, "web");
    expect(await failure(fake.engine.containers.remove(id, how))).toBe(
      'conflict: cannot remove container "/web": container is running: stop the container before removing or force remove',
    );
    await fake.engine.containers.remove(id, { ...how, force: true });
    expect(await readdir(fake.root)).toEqual([]);
    expect(fake.actions().slice(2)).toEqual(["kill", "die", "destroy"]);
  });

  test("that fails leaves a dead container, which can be removed again", async () => {
    await using fake = await fakeEngine();
    const id = await create(fake);
    const { remove } = fake.options.images;
    fake.options.images.remove = () => Promise.reject(new Error("EBUSY"));
    expect(await failure(fake.engine.containers.remove(id, how))).toStartWith("internal: container");
    expect((await state(fake, id)).Status).toBe("dead");
    fake.options.images.remove = remove;
    await fake.engine.containers.remove(id, how);
    expect(await readdir(fake.root)).toEqual([]);
  });

  test("gives the name free", async () => {
    await using fake = await fakeEngine();
    const id = await create(fake, {}, "web");
    expect(await failure(create(fake, {}, "web"))).toBe(
      `conflict: Conflict. The container name "/web" is already in use by container "${id}". You have to remove (or rename) that container to be able to reuse that name.`,
    );
    await fake.engine.containers.remove("web", how);
    expect(await create(fake, {}, "web")).toHaveLength(64);
  });
});

test("a rename holds on disk, for lookups and for the old name", async () => {
  await using fake = await fakeEngine();
  const id = await create(fake, {}, "old");
  await create(fake, {}, "taken");
  const rename = (name: string) => failure(fake.engine.containers.rename(id, name));
  expect(await rename("")).toBe("invalid: Neither old nor new names may be empty");
  expect(await rename("old")).toBe("invalid: Renaming a container with the same name as its current name");
  expect(await rename("taken")).toStartWith(
    'conflict: Error when allocating new name: Conflict. The container name "/taken"',
  );
  expect(await rename("new")).toBe("no error");
  expect(await onDisk(fake, id, "config.json")).toMatchObject({ Name: "new" });
  expect(fake.engine.identify("/new")).toEqual({ id, name: "new" });
  expect(await failure(fake.engine.containers.inspect("old", { size: false }))).toBe(
    "not-found: No such container: old",
  );
  expect(fake.events.at(-1)).toMatchObject({
    action: "rename",
    attributes: { name: "new", oldName: "/old" },
  });
});

test("a container is found by the beginning of its ID while no other begins so", async () => {
  await using fake = await fakeEngine();
  const ids = await Promise.all(Array.from({ length: 17 }, () => create(fake)));
  const [id = ""] = ids;
  expect(fake.engine.identify(id.slice(0, 20)).id).toBe(id);
  const shared =
    ids.map((one) => one.slice(0, 1)).find((digit, index, all) => all.indexOf(digit) !== index) ?? "";
  const find = async () => fake.engine.identify(shared);
  expect(await failure(find())).toBe(`invalid: multiple IDs found with provided prefix: ${shared}`);
});
