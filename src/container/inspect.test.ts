import { expect, test } from "bun:test";
import type { HostConfig } from "../spec/docker.ts";
import { eventually, fakeEngine } from "./_fakes.ts";
import { REQUESTS, recorded } from "./_fixtures.ts";

type Fields = Record<string, unknown>;

/** What differs from run to run, from engine to engine, or belongs to networks, which come later. */
const OWN = ["Id", "Created", "Name", "Driver", "GraphDriver", "Image", "State", "NetworkSettings"];

/** Docker 28 no longer shows these; 20.10, from which was recorded, does. */
const GONE = ["KernelMemory", "KernelMemoryTCP"];

/** What the docker command sends empty; it was recorded so. */
const EMPTY: HostConfig = {
  ...{ Dns: [], DnsOptions: [], DnsSearch: [], Devices: [], Ulimits: [], PortBindings: {} },
  ...{ BlkioWeightDevice: [], BlkioDeviceReadBps: [], BlkioDeviceWriteBps: [] },
  ...{ BlkioDeviceReadIOps: [], BlkioDeviceWriteIOps: [] },
};

async function both(name: "plain" | "rich"): Promise<{ docker: Fields; ours: Fields }> {
  await using fake = await fakeEngine();
  const request = { ...REQUESTS[name], HostConfig: { ...EMPTY, ...REQUESTS[name].HostConfig } };
  const { Id } = await fake.engine.containers.create(request, { name });
  // Docker names the log once it has been started.
  await fake.engine.containers.start(Id);
  const ours = (await fake.engine.containers.inspect(Id, { size: false })) as unknown as Fields;
  const docker = recorded(`docker_${name}.inspect`);
  const text = JSON.stringify(ours).replaceAll(`${fake.root}/`, "/C/").replaceAll(Id, String(docker.Id));
  return { docker, ours: JSON.parse(text.replaceAll(Id.slice(0, 12), String(docker.Id).slice(0, 12))) };
}

test.each(["plain", "rich"] as const)(
  "the %s container has Docker's fields, and Docker's values in them",
  async (name) => {
    const { docker, ours } = await both(name);
    expect(Object.keys(ours).sort()).toEqual(Object.keys(docker).sort());
    for (const field of Object.keys(docker)) {
      if (!OWN.includes(field) && field !== "HostConfig")
        expect([field, ours[field]]).toEqual([field, docker[field]]);
    }
    const { MaskedPaths, Runtime, ...host } = ours.HostConfig as Fields;
    const { MaskedPaths: dockers, Runtime: _, ...rest } = docker.HostConfig as Fields;
    for (const field of GONE) delete rest[field];
    expect(host).toEqual(rest);
    expect(Runtime).toBe("native");
    expect(MaskedPaths).toEqual(expect.arrayContaining(dockers as unknown[]));
    expect(Object.keys(ours.State as Fields)).toEqual(Object.keys(docker.State as Fields));
    const { Networks } = ours.NetworkSettings as { Networks: Fields };
    expect(Object.keys(Networks)).toEqual(["none"]);
  },
);

test("sizes are shown where asked for, execs while they have not ended", async () => {
  await using fake = await fakeEngine();
  const { Id } = await fake.engine.containers.create(REQUESTS.plain, {});
  await fake.engine.containers.start(Id);
  const exec = await fake.engine.execs.create(Id, { Cmd: ["true"] });
  const shown = await fake.engine.containers.inspect(Id, { size: true });
  expect([shown.SizeRw, shown.SizeRootFs, shown.ExecIDs]).toEqual([1, 2, [exec.Id]]);
  await fake.engine.execs.startDetached(exec.Id);
  fake.shim().endExec(exec.Id, 0);
  await eventually(() => fake.actions().includes("exec_die"));
  const after = await fake.engine.containers.inspect(Id, { size: false });
  expect([after.SizeRw, after.ExecIDs]).toEqual([undefined, null]);
});

test("an image's name gives way to its ID once it means another image", async () => {
  await using fake = await fakeEngine();
  await fake.engine.containers.create(REQUESTS.plain, { name: "plain" });
  const list = () => fake.engine.containers.list({ all: true, limit: 0, size: false, filters: {} });
  expect((await list())[0]).toMatchObject({
    Image: "bb",
    Names: ["/plain"],
    Command: "sleep 1000",
    Status: "Created",
  });
  fake.options.images.resolve = async () => ({ id: `sha256:${"2".repeat(64)}`, config: fake.image });
  expect((await list())[0]?.Image).toBe(`sha256:${"1".repeat(64)}`);
});
