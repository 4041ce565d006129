import { expect, test } from "bun:test";
import type { ContainerStats, CpuStats } from "../../spec/docker_stats.ts";
import { statsRow } from "./stats.ts";

const ID = "85f5a28e01c13d67702b59f91c784b513d3586a6b2034a883f8f1b71675656a9";

function cpu(own: number, all: number): CpuStats {
  return {
    cpu_usage: { total_usage: own, usage_in_kernelmode: 0, usage_in_usermode: 0 },
    system_cpu_usage: all,
    online_cpus: 4,
    throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
  };
}

const NO_BLKIO = {
  ...{ io_queue_recursive: null, io_service_time_recursive: null, io_wait_time_recursive: null },
  ...{
    io_merged_recursive: null,
    io_time_recursive: null,
    sectors_recursive: null,
    io_serviced_recursive: null,
  },
};

const STATS: ContainerStats = {
  read: "",
  preread: "",
  pids_stats: { current: 3 },
  blkio_stats: {
    ...NO_BLKIO,
    io_service_bytes_recursive: [
      { major: 8, minor: 0, op: "Read", value: 1_500_000 },
      { major: 8, minor: 0, op: "write", value: 20 },
      { major: 8, minor: 16, op: "read", value: 500_000 },
      { major: 8, minor: 0, op: "Total", value: 9_000_000 },
    ],
  },
  num_procs: 0,
  storage_stats: {},
  cpu_stats: cpu(3e9, 18e9),
  precpu_stats: cpu(1e9, 10e9),
  memory_stats: {
    usage: 64 << 20,
    limit: 128 << 20,
    stats: { total_inactive_file: 32 << 20, inactive_file: 1 },
  },
  name: "/web",
  id: ID,
  networks: { eth0: network(1000, 20), eth1: network(234, 0) },
};

function network(rx_bytes: number, tx_bytes: number) {
  const nothing = { rx_packets: 0, rx_errors: 0, rx_dropped: 0, tx_packets: 0, tx_errors: 0, tx_dropped: 0 };
  return { ...nothing, rx_bytes, tx_bytes };
}

test("a reading is shown as the docker command shows it", () => {
  expect(statsRow(STATS, { asked: "w", whole: false })).toEqual({
    ...{ Container: "w", ID: ID.slice(0, 12), Name: "web", PIDs: "3" },
    ...{ CPUPerc: "100.00%", MemUsage: "32MiB / 128MiB", MemPerc: "25.00%" },
    ...{ NetIO: "1.23kB / 20B", BlockIO: "2MB / 20B" },
  });
});

test("of a container that does not run there are zeros", () => {
  const { networks: _, ...rest } = STATS;
  const blkio_stats = { ...NO_BLKIO, io_service_bytes_recursive: null };
  const idle = {
    ...rest,
    pids_stats: {},
    memory_stats: {},
    blkio_stats,
    cpu_stats: cpu(0, 0),
    precpu_stats: cpu(0, 0),
  };
  expect(statsRow(idle, { asked: "w", whole: true })).toEqual({
    ...{ Container: "w", ID, Name: "web", PIDs: "0", CPUPerc: "0.00%" },
    ...{ MemUsage: "0B / 0B", MemPerc: "0.00%", NetIO: "0B / 0B", BlockIO: "0B / 0B" },
  });
});
