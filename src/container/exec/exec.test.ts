import { describe, expect, test } from "bun:test";
import type { ExecCreateRequest } from "../../spec/docker.ts";
import { FathomError, kindOf, messageOf } from "../../std/errors.ts";
import { eventually, type FakeEngine, fakeEngine } from "../_fakes.ts";

async function running(fake: FakeEngine): Promise<string> {
  const { Id } = await fake.engine.containers.create(
    { Image: "bb", Env: ["A=1"], WorkingDir: "/w", HostConfig: { GroupAdd: ["audio"] } },
    { name: "web" },
  );
  await fake.engine.containers.start(Id);
  return Id;
}

async function failure(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "no error",
    (error) => `${kindOf(error)}: ${messageOf(error)}`,
  );
}

async function processOf(fake: FakeEngine, request: ExecCreateRequest) {
  const { Id } = await fake.engine.execs.create("web", request);
  await fake.engine.execs.startDetached(Id);
  return fake.shim().execs.at(-1)?.process;
}

describe("an exec", () => {
  test("goes from created to ended, and tells of each step", async () => {
    await using fake = await fakeEngine();
    const container = await running(fake);
    const { Id } = await fake.engine.execs.create("web", { Cmd: ["sh", "-c", "exit 4"], AttachStdout: true });
    const inspect = () => fake.engine.execs.inspect(Id);
    expect(await inspect()).toEqual({
      ID: Id,
      Running: false,
      ExitCode: null,
      ProcessConfig: { tty: false, entrypoint: "sh", arguments: ["-c", "exit 4"], privileged: false },
      OpenStdin: false,
      OpenStderr: false,
      OpenStdout: true,
      CanRemove: false,
      ContainerID: container,
      DetachKeys: "",
      Pid: 0,
    });
    await fake.engine.execs.start(Id, { tty: false });
    expect(fake.shim().execs[0]).toMatchObject({ id: Id, attachments: 1, openStdin: false });
    expect(await inspect()).toMatchObject({ Running: true, Pid: 555 });
    fake.shim().endExec(Id, 4);
    await eventually(() => fake.actions().includes("exec_die"));
    expect(await inspect()).toMatchObject({ Running: false, ExitCode: 4 });
    expect(fake.actions().slice(2)).toEqual([
      "exec_create: sh -c exit 4",
      "exec_start: sh -c exit 4",
      "exec_die",
    ]);
    expect(fake.events.at(-1)?.attributes).toMatchObject({ execID: Id, exitCode: "4", name: "web" });
    expect(await failure(fake.engine.execs.startDetached(Id))).toBe(
      `conflict: Error: Exec command ${Id} has already run`,
    );
  });

  test("runs as the container does, but for what it asks for", async () => {
    await using fake = await fakeEngine();
    await running(fake);
    const plain = await processOf(fake, { Cmd: ["id"] });
    expect(plain).toMatchObject({
      args: ["id"],
      cwd: "/w",
      user: { uid: 0, gid: 0, additionalGids: [0, 10, 29] },
    });
    expect(plain?.env).toContain("A=1");
    expect(plain?.env).toContain("HOME=/root");
    expect(plain?.terminal).toBeUndefined();
    const own = await processOf(fake, {
      Cmd: ["id"],
      User: "alice",
      WorkingDir: "/x",
      Tty: true,
      Env: ["A=2"],
    });
    expect(own).toMatchObject({ cwd: "/x", terminal: true, user: { uid: 1000, gid: 1000 } });
    expect(own?.env).toEqual(expect.arrayContaining(["A=2", "HOME=/home/alice", "TERM=xterm"]));
    expect(own?.capabilities).toMatchObject({ effective: [], bounding: plain?.capabilities?.bounding });
  });

  test("whose streams are over is inspected when its end is known, be it that its shim was killed", async () => {
    await using fake = await fakeEngine();
    await running(fake);
    const { Id } = await fake.engine.execs.create("web", { Cmd: ["cat"], AttachStdout: true });
    const { stream } = await fake.engine.execs.start(Id, { tty: false });
    stream.resume();
    expect(await fake.engine.execs.inspect(Id)).toMatchObject({ Running: true, ExitCode: null });
    stream.push(null);
    await eventually(() => stream.readableEnded);
    const inspected = fake.engine.execs.inspect(Id);
    await Bun.sleep(20);
    fake.shim().lose();
    expect(await inspected).toMatchObject({ Running: false, ExitCode: 137 });
  });

  test("that was detached from is inspected at once: it runs", async () => {
    await using fake = await fakeEngine();
    await running(fake);
    const { Id } = await fake.engine.execs.create("web", { Cmd: ["cat"], AttachStdout: true, Tty: true });
    const { stream } = await fake.engine.execs.start(Id, { tty: true });
    stream.resume();
    fake.shim().detach({ exec: Id });
    stream.push(null);
    await eventually(() => stream.readableEnded);
    expect(await fake.engine.execs.inspect(Id)).toMatchObject({ Running: true, ExitCode: null });
  });

  test("whose shim goes while it is started has the exit code of one that was killed", async () => {
    await using fake = await fakeEngine();
    await running(fake);
    fake.shim().exec = async () => {
      throw new FathomError("unavailable", "the shim of the container is gone");
    };
    const { Id } = await fake.engine.execs.create("web", { Cmd: ["cat"] });
    await fake.engine.execs.start(Id, { tty: false });
    expect(await fake.engine.execs.inspect(Id)).toMatchObject({ Running: false, ExitCode: 137 });
  });

  test("that cannot be started says why on its output, and has the exit code of that", async () => {
    await using fake = await fakeEngine();
    await running(fake);
    const { Id } = await fake.engine.execs.create("web", { Cmd: ["nope"], AttachStdout: true, Tty: true });
    const { stream } = await fake.engine.execs.start(Id, { tty: true });
    let text = "";
    for await (const chunk of stream) text += chunk;
    expect(text).toBe('exec: "nope": executable file not found in $PATH\r\n');
    expect(await fake.engine.execs.inspect(Id)).toMatchObject({ Running: false, ExitCode: 127 });
    expect(fake.shim().attachments[0]?.destroyed).toBe(true);
  });

  test("of a user whom the image does not know fails as Docker's", async () => {
    await using fake = await fakeEngine();
    await running(fake);
    const { Id } = await fake.engine.execs.create("web", { Cmd: ["id"], User: "x" });
    expect(await failure(fake.engine.execs.startDetached(Id))).toBe(
      "invalid: unable to find user x: no matching entries in passwd file",
    );
    expect((await fake.engine.execs.inspect(Id)).ExitCode).toBe(126);
  });

  test("needs a command and a container that runs", async () => {
    await using fake = await fakeEngine();
    const id = await running(fake);
    expect(await failure(fake.engine.execs.create("web", {}))).toBe("invalid: No exec command specified");
    await fake.engine.containers.kill("web");
    expect(await failure(fake.engine.execs.create("web", { Cmd: ["id"] }))).toBe(
      `conflict: container ${id} is not running`,
    );
    expect(await failure(fake.engine.execs.inspect("zzz"))).toBe("not-found: No such exec instance: zzz");
  });

  test("that runs has its terminal resized", async () => {
    await using fake = await fakeEngine();
    await running(fake);
    const { Id } = await fake.engine.execs.create("web", { Cmd: ["sh"], Tty: true });
    const resize = () => fake.engine.execs.resize(Id, { height: 1, width: 2 });
    expect(await failure(resize())).toBe(`conflict: exec process ${Id} is not running`);
    await fake.engine.execs.startDetached(Id);
    await resize();
    expect(fake.shim().sizes).toEqual([{ size: { columns: 2, rows: 1 }, target: { exec: Id } }]);
  });
});
