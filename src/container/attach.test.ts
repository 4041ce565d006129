import { describe, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import type { ContainerCreateRequest } from "../spec/docker.ts";
import { FathomError, messageOf } from "../std/errors.ts";
import { eventually, type FakeEngine, fakeEngine } from "./_fakes.ts";

const OPTIONS = { logs: false, stream: true, stdin: true, stdout: true, stderr: true };

async function create(fake: FakeEngine, request: ContainerCreateRequest = {}): Promise<string> {
  return (await fake.engine.containers.create({ Image: "bb", Tty: true, OpenStdin: true, ...request }, {}))
    .Id;
}

async function textOf(stream: Duplex): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += chunk;
  return text;
}

function record(log: string): string {
  return `${JSON.stringify({ log, stream: "stdout", time: "2026-01-01T00:00:00Z" })}\n`;
}

async function logs(fake: FakeEngine, id: string, ...lines: string[]): Promise<void> {
  await writeFile(join(fake.root, id, `${id}-json.log`), lines.map(record).join(""));
}

describe("an attachment", () => {
  test("that comes before the start is on the shim that starts the container", async () => {
    await using fake = await fakeEngine();
    const id = await create(fake);
    const first = await fake.engine.containers.attach(id, OPTIONS);
    await fake.engine.containers.attach(id, OPTIONS);
    await fake.engine.containers.start(id);
    expect(fake.shims).toHaveLength(1);
    expect(fake.shim().launched?.attachments).toBe(2);
    expect(fake.actions()).toEqual(["create", "attach", "attach", "start"]);
    fake.shim().attachments[0]?.push("hello");
    fake.shim().end(0);
    expect(await textOf(first.stream)).toBe("hello");
  });

  test("that goes away before the start lets its shim go", async () => {
    await using fake = await fakeEngine();
    const id = await create(fake);
    const { stream } = await fake.engine.containers.attach(id, OPTIONS);
    stream.destroy();
    await eventually(() => fake.shim().closed);
    await fake.engine.containers.start(id);
    expect(fake.shims).toHaveLength(2);
    expect(fake.shim().launched?.attachments).toBe(0);
  });

  test("that comes first, on a shim that was killed while it waited, is on another", async () => {
    await using fake = await fakeEngine();
    const id = await create(fake);
    const { take } = fake.options.shims;
    let lost = 1;
    fake.options.shims.take = async () => {
      const shim = await take();
      if (lost-- > 0) shim.attach = () => Promise.reject(new FathomError("unavailable", "the shim is gone"));
      return shim;
    };
    await fake.engine.containers.attach(id, OPTIONS);
    expect(fake.shims.map(({ closed }) => closed)).toEqual([true, false]);
    await fake.engine.containers.start(id);
    expect(fake.shim().launched?.attachments).toBe(1);
    lost = 2;
    const other = await create(fake);
    expect(await fake.engine.containers.attach(other, OPTIONS).catch(messageOf)).toBe("the shim is gone");
  });

  test("with logs joins what was written to what comes", async () => {
    await using fake = await fakeEngine();
    const id = await create(fake);
    await fake.engine.containers.start(id);
    await logs(fake, id, "old\r\n");
    const { stream, tty } = await fake.engine.containers.attach(id, { ...OPTIONS, logs: true });
    fake.shim().attachments[0]?.push("new");
    fake.shim().end(0);
    expect(tty).toBe(true);
    expect(await textOf(stream)).toBe("old\r\nnew");
  });

  test("passes on what is written, ended and destroyed through the joint", async () => {
    await using fake = await fakeEngine();
    const id = await create(fake);
    await fake.engine.containers.start(id);
    const { stream } = await fake.engine.containers.attach(id, { ...OPTIONS, logs: true });
    const [live] = fake.shim().attachments;
    stream.write("input");
    stream.end();
    await eventually(() => live?.writableEnded ?? false);
    stream.destroy();
    await eventually(() => live?.destroyed ?? false);
  });

  test("without a stream is the log alone", async () => {
    await using fake = await fakeEngine();
    const id = await create(fake);
    await logs(fake, id, "a\n", "b\n");
    const { stream } = await fake.engine.containers.attach(id, { ...OPTIONS, stream: false, logs: true });
    expect(await textOf(stream)).toBe("a\nb\n");
    expect(fake.shims).toHaveLength(0);
  });

  test("to a container between two starts is refused", async () => {
    await using fake = await fakeEngine();
    const id = await create(fake, { HostConfig: { RestartPolicy: { Name: "always" } } });
    await fake.engine.containers.start(id);
    fake.shim().end(1);
    await eventually(() => fake.actions().includes("die"));
    const refused = fake.engine.containers.attach(id, OPTIONS).catch(messageOf);
    expect(await refused).toBe(`container ${id} is restarting, wait until the container is running`);
  });
});

describe("logs", () => {
  const HOW = {
    stdout: true,
    stderr: true,
    timestamps: false,
    details: false,
    since: 0n,
    until: 0n,
  } as const;
  const signal = new AbortController().signal;

  test("are followed until the container is down", async () => {
    await using fake = await fakeEngine();
    const id = await create(fake);
    await fake.engine.containers.start(id);
    await logs(fake, id, "a\n", "b\n");
    const { output, tty } = await fake.engine.containers.logs(id, { ...HOW, follow: true, tail: 1 }, signal);
    let text = "";
    const reading = (async () => {
      for await (const chunk of output) text += new TextDecoder().decode(chunk);
    })();
    await eventually(() => text === "b\n");
    await logs(fake, id, "a\n", "b\n", "c\n");
    fake.shim().end(0);
    await reading;
    expect([text, tty]).toEqual(["b\nc\n", true]);
  });

  test("of a container without a log are refused", async () => {
    await using fake = await fakeEngine();
    const id = await create(fake, { HostConfig: { LogConfig: { Type: "none" } } });
    const refused = fake.engine.containers
      .logs(id, { ...HOW, follow: false, tail: "all" }, signal)
      .catch(messageOf);
    expect(await refused).toBe("configured logging driver does not support reading");
  });
});

test("the size of a terminal is told to the shim, and refused where nothing runs", async () => {
  await using fake = await fakeEngine();
  const id = await create(fake);
  const resize = () => fake.engine.containers.resize(id, { height: 24, width: 80 });
  expect(await resize().catch(messageOf)).toBe(`container ${id} is not running`);
  await fake.engine.containers.start(id);
  await resize();
  expect(fake.shim().sizes).toEqual([{ size: { columns: 80, rows: 24 }, target: {} }]);
});
