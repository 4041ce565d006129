import { expect, test } from "bun:test";
import { eventually, type FakeEngine, fakeEngine } from "../_fakes.ts";

const MEMORY = 20 << 20;

async function run(fake: FakeEngine, Memory: number): Promise<string> {
  const { Id } = await fake.engine.containers.create({ Image: "bb", HostConfig: { Memory } }, {});
  await fake.engine.containers.start(Id);
  return Id;
}

async function oomKilled(fake: FakeEngine, id: string): Promise<boolean> {
  return (await fake.engine.containers.inspect(id, { size: false })).State.OOMKilled;
}

const ooms = (fake: FakeEngine) => fake.actions().filter((action) => action === "oom").length;

test("a kill for want of memory is told while the container lives, and not again at its end", async () => {
  await using fake = await fakeEngine();
  const id = await run(fake, MEMORY);
  await eventually(() => fake.oom.size === 1);
  for (const { killed } of fake.oom) killed();
  expect(ooms(fake)).toBe(1);
  expect(await oomKilled(fake, id)).toBe(true);
  fake.shim().end(137, true);
  await eventually(() => fake.actions().includes("die"));
  expect(ooms(fake)).toBe(1);
  await eventually(() => fake.oom.size === 0);
});

test("one that is seen at the end only is told then", async () => {
  await using fake = await fakeEngine();
  const id = await run(fake, MEMORY);
  fake.shim().end(137, true);
  await eventually(() => fake.actions().includes("die"));
  expect(fake.actions().slice(-2)).toEqual(["oom", "die"]);
  expect(await oomKilled(fake, id)).toBe(true);
});

test("nobody listens where memory is not limited", async () => {
  await using fake = await fakeEngine();
  await run(fake, 0);
  const limited = await run(fake, MEMORY);
  await eventually(() => fake.oom.size > 0);
  expect([limited.length, fake.oom.size]).toEqual([64, 1]);
});

test.each([
  [false, 1],
  [true, 0],
])(
  "an engine that starts tells of what happened meanwhile, if nobody has: told %p",
  async (before, events) => {
    await using fake = await fakeEngine();
    const id = await run(fake, MEMORY);
    await eventually(() => fake.oom.size === 1);
    if (before) for (const { killed } of fake.oom) killed();
    await fake.engine.close();
    fake.events.length = 0;
    fake.reachable.set(fake.shim().socket, fake.shim());
    let looked = false;
    fake.options.cgroups.watchOom = (_path, { killed }) => {
      killed();
      looked = true;
      return undefined;
    };
    await fake.reopen();
    await eventually(() => looked);
    expect(ooms(fake)).toBe(events);
    expect(await oomKilled(fake, id)).toBe(true);
  },
);
