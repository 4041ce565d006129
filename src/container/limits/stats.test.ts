import { describe, expect, test } from "bun:test";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ContainerStats } from "../../spec/docker_stats.ts";
import { type FakeEngine, fakeEngine } from "../_fakes.ts";
import { parseGroup, parseInterfaces, parseSystem } from "./_stats_parse.ts";

const MiB = 1 << 20;

/** As recorded under systemd on Debian 12 (memory.stat shortened). */
const UNIFIED = new Map([
  [
    "cpu.stat",
    "usage_usec 1250000\nuser_usec 1000000\nsystem_usec 250000\nnr_periods 30\nnr_throttled 12\nthrottled_usec 700000\n",
  ],
  ["memory.current", "8388608\n"],
  ["memory.max", "max\n"],
  ["memory.stat", "anon 4096\nfile 8192\ninactive_file 2048\npgfault 17\n"],
  ["pids.current", "3\n"],
  ["pids.max", "100\n"],
  [
    "io.stat",
    "254:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n7:1 \n8:0 rbytes=1 wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n",
  ],
]);

/** As recorded on a machine of the hybrid layout. */
const LEGACY = new Map([
  ["cpuacct.usage", "985669430\n"],
  ["cpuacct.usage_percpu", "226286026 759383404 \n"],
  ["cpuacct.stat", "user 97\nsystem 1\n"],
  ["cpu.stat", "nr_periods 37\nnr_throttled 8\nthrottled_time 137785499\nnr_bursts 0\nburst_time 0\n"],
  ["memory.usage_in_bytes", "946176\n"],
  ["memory.max_usage_in_bytes", "3817472\n"],
  ["memory.limit_in_bytes", "9223372036854771712\n"],
  ["memory.failcnt", "0\n"],
  ["memory.stat", "cache 614400\ntotal_inactive_file 233472\n"],
  ["pids.current", "1\n"],
  ["pids.max", "max\n"],
  ["blkio.throttle.io_service_bytes_recursive", "7:0 Read 4096\n7:0 Write 512\nTotal 4608\n"],
  ["blkio.throttle.io_serviced_recursive", "7:0 Read 1\n7:0 Write 1\nTotal 2\n"],
]);

describe("control files become Docker's statistics:", () => {
  test("version 2 counts microseconds, and says max for no limit", () => {
    const { cpu, memory, pids, blkio } = parseGroup(2, UNIFIED, { memory: 64 * MiB });
    expect(cpu).toEqual({
      cpu_usage: { total_usage: 1.25e9, usage_in_kernelmode: 2.5e8, usage_in_usermode: 1e9 },
      throttling_data: { periods: 30, throttled_periods: 12, throttled_time: 7e8 },
    });
    expect(memory).toEqual({
      usage: 8 * MiB,
      limit: 64 * MiB,
      stats: { anon: 4096, file: 8192, inactive_file: 2048, pgfault: 17 },
    });
    expect(pids).toEqual({ current: 3, limit: 100 });
    expect(blkio.io_service_bytes_recursive?.slice(0, 2)).toEqual([
      { major: 254, minor: 0, op: "read", value: 4096 },
      { major: 254, minor: 0, op: "write", value: 8192 },
    ]);
    expect(blkio.io_queue_recursive).toBeNull();
  });

  test("version 1 counts ticks beside nanoseconds, tells of each processor, and of the most memory", () => {
    const { cpu, memory, pids, blkio } = parseGroup(1, LEGACY, { memory: 64 * MiB });
    expect(cpu).toEqual({
      cpu_usage: {
        total_usage: 985_669_430,
        percpu_usage: [226_286_026, 759_383_404],
        usage_in_kernelmode: 1e7,
        usage_in_usermode: 9.7e8,
      },
      throttling_data: { periods: 37, throttled_periods: 8, throttled_time: 137_785_499 },
    });
    expect(memory).toEqual({
      usage: 946_176,
      max_usage: 3_817_472,
      limit: 64 * MiB,
      stats: { cache: 614_400, total_inactive_file: 233_472 },
    });
    expect(pids).toEqual({ current: 1 });
    expect(blkio.io_service_bytes_recursive).toEqual([
      { major: 7, minor: 0, op: "Read", value: 4096 },
      { major: 7, minor: 0, op: "Write", value: 512 },
    ]);
  });

  test("interfaces but for loopback, and the host's time with idle time", () => {
    const table =
      "Inter-|   Receive                                                |  Transmit\n face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n    lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0\n  eth0:  5338      36    1    2    0     0          0         0      648       8    3    4    0     0       0          0\n";
    expect(parseInterfaces(table)).toEqual({
      eth0: {
        ...{ rx_bytes: 5338, rx_packets: 36, rx_errors: 1, rx_dropped: 2 },
        ...{ tx_bytes: 648, tx_packets: 8, tx_errors: 3, tx_dropped: 4 },
      },
    });
    expect(parseSystem("cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1 2\ncpu1 1 2\nintr 5\n")).toEqual({
      usage: 28e7,
      cpus: 2,
    });
  });
});

/** A container whose control files lie in a directory, of which each look is counted. */
async function measured(fake: FakeEngine): Promise<{ id: string; looks: () => number }> {
  const directory = join(fake.root, "..", "group");
  await mkdir(directory);
  for (const [name, text] of UNIFIED) await writeFile(join(directory, name), text);
  let looks = 0;
  fake.options.cgroups.directories = () => {
    looks++;
    return { version: 2, directoryOf: () => directory };
  };
  const { Id } = await fake.engine.containers.create(
    { Image: "bb", HostConfig: { NetworkMode: "host" } },
    {},
  );
  await fake.engine.containers.start(Id);
  return { id: Id, looks: () => looks };
}

const STREAM = { stream: true, oneShot: false };

async function take(readings: AsyncIterable<ContainerStats>, count: number): Promise<ContainerStats[]> {
  const taken: ContainerStats[] = [];
  for await (const reading of readings) if (taken.push(reading) === count) break;
  return taken;
}

describe("a container's statistics", () => {
  test("come at once, then each second beside the reading before, read once for all who watch", async () => {
    await using fake = await fakeEngine();
    const { id, looks } = await measured(fake);
    const signal = new AbortController().signal;
    const watch = async () => take(await fake.engine.resources.stats(id, STREAM, signal), 3);
    const [readings = []] = await Promise.all([watch(), watch(), watch()]);
    expect(readings[0]).toMatchObject({ id, preread: "0001-01-01T00:00:00Z", pids_stats: { current: 3 } });
    expect(readings[2]?.preread).toBe(readings[1]?.read ?? "");
    expect(readings[2]?.precpu_stats).toEqual(readings[1]?.cpu_stats ?? ({} as never));
    // One each at first, then two ticks, or three for one who was slow.
    expect(looks()).toBeLessThan(3 * 3);
  });

  test("taken once stand beside those of a second before, or of nothing with one-shot", async () => {
    await using fake = await fakeEngine();
    const { id } = await measured(fake);
    const signal = new AbortController().signal;
    const once = async (oneShot: boolean) =>
      take(await fake.engine.resources.stats(id, { stream: false, oneShot }, signal), 9);
    const [[shot, ...more], [later]] = await Promise.all([once(true), once(false)]);
    expect(more).toEqual([]);
    expect(shot).toMatchObject({
      preread: "0001-01-01T00:00:00Z",
      precpu_stats: { cpu_usage: { total_usage: 0 } },
    });
    expect(later?.precpu_stats.cpu_usage.total_usage).toBe(1.25e9);
    expect(Date.parse(later?.read ?? "") - Date.parse(later?.preread ?? "")).toBeGreaterThan(900);
  });

  test("of one that does not run are zeros, and a stream ends when the container is removed", async () => {
    await using fake = await fakeEngine();
    const { Id } = await fake.engine.containers.create({ Image: "bb" }, { name: "idle" });
    const readings = await fake.engine.resources.stats(Id, STREAM, new AbortController().signal);
    const taken: ContainerStats[] = [];
    for await (const reading of readings) {
      taken.push(reading);
      await fake.engine.containers.remove(Id, { force: false, volumes: false, link: false });
    }
    expect(taken).toHaveLength(1);
    expect(taken[0]).toMatchObject({
      name: "/idle",
      read: "0001-01-01T00:00:00Z",
      memory_stats: {},
      pids_stats: {},
    });
  });

  test("end when nobody listens any more", async () => {
    await using fake = await fakeEngine();
    const { id } = await measured(fake);
    const leaving = new AbortController();
    let readings = 0;
    for await (const _ of await fake.engine.resources.stats(id, STREAM, leaving.signal)) {
      readings++;
      leaving.abort();
    }
    expect(readings).toBe(1);
  });
});
