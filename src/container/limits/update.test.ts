import { describe, expect, test } from "bun:test";
import type { ContainerUpdateRequest, HostConfig } from "../../spec/docker.ts";
import { FathomError, kindOf, messageOf } from "../../std/errors.ts";
import { eventually, type FakeEngine, fakeEngine, onDisk } from "../_fakes.ts";

const MiB = 1 << 20;

async function make(fake: FakeEngine, HostConfig: HostConfig = {}): Promise<string> {
  return (await fake.engine.containers.create({ Image: "bb", HostConfig }, {})).Id;
}

async function run(fake: FakeEngine, HostConfig: HostConfig = {}): Promise<string> {
  const id = await make(fake, HostConfig);
  await fake.engine.containers.start(id);
  return id;
}

async function shown(fake: FakeEngine, id: string): Promise<HostConfig> {
  return (await fake.engine.containers.inspect(id, { size: false })).HostConfig;
}

describe("an update", () => {
  test("of a running container tells its control group what has changed, and is kept on disk", async () => {
    await using fake = await fakeEngine();
    const id = await run(fake, { Memory: 20 * MiB, CpuShares: 512 });
    const answer = await fake.engine.resources.update(id, {
      Memory: 40 * MiB,
      MemorySwap: -1,
      PidsLimit: 7,
      BlkioWeight: 300,
      RestartPolicy: { Name: "on-failure", MaximumRetryCount: 3 },
    });
    expect(answer).toEqual({ Warnings: [] });
    const limits = {
      memory: { limit: 40 * MiB, swap: -1 },
      pids: { limit: 7 },
      blockIO: { weight: 300 },
    };
    expect(fake.updates).toEqual([{ path: `/fathom/${id}`, limits }]);
    const left = {
      Memory: 40 * MiB,
      MemorySwap: -1,
      CpuShares: 512,
      PidsLimit: 7,
      RestartPolicy: { Name: "on-failure", MaximumRetryCount: 3 },
    };
    expect(await shown(fake, id)).toMatchObject(left);
    expect(await onDisk(fake, id, "hostconfig.json")).toMatchObject(left);
    expect(fake.actions().at(-1)).toBe("update");
  });

  test("of a stopped container is for its next start", async () => {
    await using fake = await fakeEngine();
    const id = await make(fake);
    await fake.engine.resources.update(id, { NanoCpus: 5e8, PidsLimit: -1 });
    expect(fake.updates).toEqual([]);
    expect(await shown(fake, id)).toMatchObject({ NanoCpus: 5e8, PidsLimit: 0 });
  });

  test("changes nothing that is 0, empty or absent", async () => {
    await using fake = await fakeEngine();
    const id = await run(fake, { Memory: 20 * MiB, CpusetCpus: "0" });
    const before = await shown(fake, id);
    await fake.engine.resources.update(id, {
      Memory: 0,
      CpusetCpus: "",
      RestartPolicy: { Name: "", MaximumRetryCount: 0 },
    });
    expect(await shown(fake, id)).toEqual(before);
    expect(fake.updates).toEqual([]);
  });

  const memory =
    "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time";
  const refusals: [string, HostConfig, ContainerUpdateRequest, string][] = [
    [
      "a quota beside CPUs",
      { NanoCpus: 1e9 },
      { CpuQuota: 5000 },
      "Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set",
    ],
    [
      "CPUs beside a period",
      { CpuPeriod: 5000 },
      { NanoCpus: 1e9 },
      "Conflicting options: Nano CPUs cannot be updated as CPU Period has already been set",
    ],
    ["more memory than memory and swap", { Memory: 10 * MiB }, { Memory: 30 * MiB }, memory],
    ["memory alone where nothing was limited", {}, { Memory: 30 * MiB }, memory],
    [
      "a restart of what is removed when it ends",
      { AutoRemove: true },
      { RestartPolicy: { Name: "always" } },
      "Restart policy cannot be updated because AutoRemove is enabled for the container",
    ],
  ];
  test.each(refusals)("is refused in Docker's words: %s", async (_, HostConfig, request, sentence) => {
    await using fake = await fakeEngine();
    const id = await make(fake, HostConfig);
    const error = await fake.engine.resources.update(id, request).catch((reason) => reason);
    expect(`${kindOf(error)}: ${messageOf(error)}`).toBe(
      `conflict: Cannot update container ${id}: ${sentence}`,
    );
  });

  test("that the kernel refuses leaves everything as it was, in the group too", async () => {
    await using fake = await fakeEngine();
    const id = await run(fake, { PidsLimit: 5 });
    const { update } = fake.options.cgroups;
    fake.options.cgroups.update = async (path, limits) => {
      if (limits.memory?.limit === 8 * MiB) throw new FathomError("conflict", "9 bytes are in use");
      await update(path, limits);
    };
    const request = { Memory: 8 * MiB, MemorySwap: 8 * MiB, PidsLimit: 9 };
    const error = await fake.engine.resources.update(id, request).catch((reason) => reason);
    expect(messageOf(error)).toBe(`Cannot update container ${id}: 9 bytes are in use`);
    const limits = { memory: { limit: -1, swap: -1 }, pids: { limit: 5 } };
    expect(fake.updates).toEqual([{ path: `/fathom/${id}`, limits }]);
    expect(await onDisk(fake, id, "hostconfig.json")).toMatchObject({ Memory: 0, PidsLimit: 5 });
    expect(fake.actions()).not.toContain("update");
  });

  test("that an engine did not live to finish is finished by the next", async () => {
    await using fake = await fakeEngine();
    const id = await run(fake);
    await Bun.sleep(5);
    fake.options.cgroups.update = () => new Promise(() => undefined);
    void fake.engine.resources.update(id, { PidsLimit: 9 });
    await eventually(() => fake.shim().running !== undefined);
    for (let left = 200; left > 0; left--) {
      const { PidsLimit } = (await onDisk(fake, id, "hostconfig.json")) as HostConfig;
      if (PidsLimit === 9) break;
      await Bun.sleep(5);
    }
    fake.reachable.set(fake.shim().socket, fake.shim());
    fake.options.cgroups.update = async (path, limits) => void fake.updates.push({ path, limits });
    await fake.reopen();
    expect(fake.updates).toEqual([
      { path: `/fathom/${id}`, limits: { memory: {}, cpu: {}, pids: { limit: 9 } } },
    ]);
  });
});
