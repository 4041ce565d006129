/** Limits hold on real workloads, and an update changes them while these run. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Engine, eventually, startFathom } from "../harness/mod.ts";
import { run } from "../harness/program.ts";

const MiB = 1 << 20;

let engine: Engine;
/** A device of our own that keeps what is written to it in a file. */
let device = "";
beforeAll(async () => {
  engine = await startFathom();
  const file = join(engine.root, "disk");
  await writeFile(file, "");
  await truncate(file, 64 * MiB);
  device = (await run(["losetup", "--find", "--show", file])).stdout.trim();
});
afterEach(() => engine.removeContainers());
afterAll(async () => {
  if (device !== "") await run(["losetup", "--detach", device]);
  await engine[Symbol.asyncDispose]();
});

const fathom = (...args: string[]) => engine.output("fathom", args);
const started = (...args: string[]) => fathom("run", "-d", "--network", "none", ...args);
const field = (id: string, path: string) => fathom("inspect", "-f", `{{${path}}}`, id);

/** A file of the container's control group: of the controller's own hierarchy, or of version 2. */
async function controlFile(id: string, legacy: string, unified = legacy): Promise<string> {
  const controller = legacy.split(".")[0] ?? "";
  const paths = [
    `/sys/fs/cgroup/${controller}/fathom/${id}/${legacy}`,
    `/sys/fs/cgroup/fathom/${id}/${unified}`,
  ];
  for (const path of paths) {
    const text = await readFile(path, "latin1").catch(() => undefined);
    if (text !== undefined) return text.trim();
  }
  throw new Error(`neither ${paths.join(" nor ")} is there`);
}

/** Of one processor, what the container has had while it used so many milliseconds of it, however busy the machine is. */
async function cpuShare(id: string, milliseconds: number): Promise<number> {
  const used = async () => {
    const cpuacct = await controlFile(id, "cpuacct.usage", "cpu.stat");
    return /^\d+$/.test(cpuacct) ? Number(cpuacct) : Number(/usage_usec (\d+)/.exec(cpuacct)?.[1]) * 1000;
  };
  const [before, start] = [await used(), process.hrtime.bigint()];
  const enough = before + milliseconds * 1e6;
  await eventually("its use of the processor", async () => (await used()) >= enough, 60_000);
  const [after, end] = [await used(), process.hrtime.bigint()];
  return (after - before) / Number(end - start);
}

const BUSY = ["busybox", "sh", "-c", "while :; do :; done"];
/** Takes more memory than it may, in its first process. */
const HUNGRY = 'x=$(head -c 40000000 /dev/zero | tr "\\0" x); echo survived';

describe("memory", () => {
  test("more than the limit ends the container: OOMKilled, told by an event", async () => {
    const since = String(Date.now() / 1000);
    const id = await started("--memory", "16m", "busybox", "sh", "-c", HUNGRY);
    expect(await fathom("wait", id)).toBe("137");
    expect(await field(id, ".State.OOMKilled")).toBe("true");
    const until = String(Date.now() / 1000 + 0.2);
    const events = await fathom("events", "--since", since, "--until", until, "--filter", `container=${id}`);
    expect(events.match(/ container oom /g)).toHaveLength(1);
  });

  test("a child that is killed for want of it is told while the container goes on", async () => {
    const id = await started("--memory", "16m", "busybox", "sleep", "100");
    const { status } = await engine.command("fathom", ["exec", id, "sh", "-c", HUNGRY]);
    expect(status).toBe(137);
    await eventually("the word of it", async () => (await field(id, ".State.OOMKilled")) === "true");
    expect(await field(id, ".State.Status")).toBe("running");
    await fathom("stop", "-t", "0", id);
    expect(await field(id, ".State.OOMKilled")).toBe("true");
  });

  test("a neighbour's want of it is not this container's", async () => {
    const neighbour = await started("--memory", "64m", "busybox", "sleep", "100");
    const id = await started("--memory", "16m", "busybox", "sh", "-c", HUNGRY);
    await fathom("wait", id);
    await fathom("kill", neighbour);
    expect(await field(neighbour, ".State.OOMKilled")).toBe("false");
  });

  test("an update gives more to a container that runs, before and after its engine is killed", async () => {
    const id = await started("--memory", "16m", "busybox", "sleep", "100");
    await fathom("update", "--memory", "100m", "--memory-swap", "200m", id);
    expect(await fathom("exec", id, "sh", "-c", HUNGRY)).toBe("survived");
    await engine.kill();
    await engine.start();
    expect(await field(id, ".HostConfig.Memory .HostConfig.MemorySwap".replace(" ", "}} {{"))).toBe(
      `${100 * MiB} ${200 * MiB}`,
    );
    expect(await fathom("exec", id, "sh", "-c", HUNGRY)).toBe("survived");
    await fathom("update", "--memory", "16m", "--memory-swap", "16m", id);
    expect((await engine.command("fathom", ["exec", id, "sh", "-c", HUNGRY])).status).toBe(137);
  });

  test("what is in use cannot be taken away, and the refusal leaves all as it was", async () => {
    const hold = 'x=$(head -c 30000000 /dev/zero | tr "\\0" x); echo held; sleep 100';
    const id = await started("--memory", "200m", "busybox", "sh", "-c", hold);
    await eventually("the memory", async () => (await fathom("logs", id)) === "held");
    const before = await controlFile(id, "memory.limit_in_bytes", "memory.max");
    const { status, stderr } = await engine.command("fathom", [
      ...["update", "--memory", "8m", "--memory-swap", "8m", id],
    ]);
    // Version 2 takes it and kills.
    if (status !== 0) {
      expect(stderr).toContain("unable to set the memory limit");
      expect(await field(id, ".HostConfig.Memory")).toBe(String(200 * MiB));
      expect(await controlFile(id, "memory.limit_in_bytes", "memory.max")).toBe(before);
    }
  });
});

describe("processors", () => {
  test("a busy loop under --cpus 0.5 has half of one, and an update changes it", async () => {
    const id = await started("--cpus", "0.5", ...BUSY);
    expect(await cpuShare(id, 400)).toBeWithin(0, 0.6);
    await fathom("update", "--cpus", "0.2", id);
    expect(await cpuShare(id, 200)).toBeWithin(0, 0.3);
  });

  test("stats shows the half", async () => {
    await started("--name", "half", "--cpus", "0.5", ...BUSY);
    const share = async () =>
      Number.parseFloat(
        await engine.output("docker", ["stats", "--no-stream", "--format", "{{.CPUPerc}}", "half"]),
      );
    expect(await share()).toBeLessThan(70);
    // On a busy machine it does not always get what it may have.
    await eventually("its share", async () => (await share()) > 5);
  });

  test("cpuset pins, and an update pins elsewhere", async () => {
    const allowed = async (id: string) =>
      /Cpus_allowed_list:\s*(\S+)/.exec(await fathom("exec", id, "cat", "/proc/self/status"))?.[1];
    const id = await started("--cpuset-cpus", "0", "busybox", "sleep", "100");
    expect(await allowed(id)).toBe("0");
    await fathom("update", "--cpuset-cpus", "1", id);
    expect(await allowed(id)).toBe("1");
  });

  test("shares weigh, and an update weighs anew", async () => {
    const id = await started("--cpu-shares", "512", "busybox", "sleep", "100");
    expect(await controlFile(id, "cpu.shares", "cpu.weight")).toMatch(/^(512|59)$/);
    await fathom("update", "-c", "2048", id);
    expect(await controlFile(id, "cpu.shares", "cpu.weight")).toMatch(/^(2048|174)$/);
  });
});

/** Starts 40 programs that wait a little, and says how many it has got; the shell ends where it cannot fork. */
const FORKS = "n=0; while [ $n -lt 40 ]; do sleep 1 & n=$((n+1)); done; echo $n; wait";

test("a fork bomb stops at the limit of processes, and an update moves it", async () => {
  const id = await started("--pids-limit", "10", "busybox", "sleep", "100");
  const forks = async () => {
    const { stdout, stderr } = await engine.command("fathom", ["exec", id, "sh", "-c", FORKS]);
    return { count: Number(stdout.trim() || "0"), refused: /can't fork/.test(stderr) };
  };
  expect(await forks()).toMatchObject({ refused: true });
  expect(Number(await controlFile(id, "pids.current"))).toBeLessThanOrEqual(10);
  await fathom("update", "--pids-limit", "-1", id);
  expect(await controlFile(id, "pids.max")).toBe("max");
  expect(await forks()).toEqual({ count: 40, refused: false });
});

describe("block devices", () => {
  const dd = (direction: "if" | "of", megabytes: number, block = "1M") => {
    const [input, output] = direction === "of" ? ["/dev/zero", "/disk"] : ["/disk", "/dev/null"];
    const flag = direction === "of" ? "oflag=direct" : "iflag=direct";
    const count = block === "1M" ? megabytes : megabytes * 256;
    return `dd if=${input} of=${output} bs=${block} count=${count} ${flag} 2>&1`;
  };
  /** Seconds that a program takes in a container with the device. */
  async function seconds(flags: string[], script: string): Promise<number> {
    const start = performance.now();
    await fathom(
      "run",
      "--rm",
      "--network",
      "none",
      "--device",
      `${device}:/disk`,
      ...flags,
      "busybox",
      "sh",
      "-c",
      script,
    );
    return (performance.now() - start) / 1000;
  }

  test("writing at 10 MB a second takes its time", async () => {
    expect(await seconds(["--device-write-bps", `${device}:10mb`], dd("of", 20))).toBeGreaterThan(1.5);
  });

  test("reading at 10 MB a second takes its time, and writing does not", async () => {
    const flags = ["--device-read-bps", `${device}:10mb`];
    const reading = await seconds(flags, dd("if", 20));
    expect(reading).toBeGreaterThan(1.5);
    expect(await seconds(flags, dd("of", 20))).toBeLessThan(reading);
  });

  test("a hundred operations a second are that many, read and written", async () => {
    expect(await seconds(["--device-read-iops", `${device}:100`], dd("if", 1, "4k"))).toBeGreaterThan(1.5);
    expect(await seconds(["--device-write-iops", `${device}:100`], dd("of", 1, "4k"))).toBeGreaterThan(1.5);
  });

  test("their numbers and weights stand in the control group", async () => {
    const weighs = (await fathom("info", "-f", "{{json .Warnings}}")).includes("io.weight") === false;
    const id = await started(
      "--blkio-weight",
      "300",
      "--device-write-bps",
      `${device}:1mb`,
      "busybox",
      "sleep",
      "100",
    );
    const { rdev } = await stat(device);
    const limit = await controlFile(id, "blkio.throttle.write_bps_device", "io.max");
    expect(limit).toContain(`${rdev >> 8}:${rdev & 0xff}`);
    if (!weighs) return;
    expect(await controlFile(id, "blkio.bfq.weight", "io.bfq.weight")).toContain("300");
    await fathom("update", "--blkio-weight", "200", id);
    expect(await controlFile(id, "blkio.bfq.weight", "io.bfq.weight")).toContain("200");
  });

  test("a device that is not there, or is none, is refused when it is to start", async () => {
    const refusal = async (path: string) =>
      (
        await engine.command("fathom", [
          "run",
          "--rm",
          "--network",
          "none",
          "--device-read-bps",
          `${path}:1mb`,
          "busybox",
          "true",
        ])
      ).stderr;
    expect(await refusal("/dev/nope")).toContain("stat /dev/nope: no such file or directory");
    expect(await refusal("/dev/null")).toContain(
      "cannot limit block I/O on /dev/null: it is not a block device",
    );
  });
});

test("what only weighs or asks stands in the control group and in the process", async () => {
  const flags = ["--memory", "32m", "--memory-reservation", "16m", "--oom-score-adj", "300"];
  const id = await started(
    ...flags,
    "--memory-swappiness",
    "10",
    "--oom-kill-disable",
    "busybox",
    "sleep",
    "100",
  );
  expect(await controlFile(id, "memory.soft_limit_in_bytes", "memory.low")).toBe(String(16 * MiB));
  expect(await readFile(`/proc/${await field(id, ".State.Pid")}/oom_score_adj`, "latin1")).toBe("300\n");
  // Version 2 has neither, and a warning said so.
  if ((await fathom("info", "-f", "{{.CgroupVersion}}")) === "2") return;
  expect(await controlFile(id, "memory.swappiness")).toBe("10");
  expect(await controlFile(id, "memory.oom_control")).toContain("oom_kill_disable 1");
});

test("real-time CPU time is refused with where it has to come from", async () => {
  const { stderr } = await engine.command("fathom", [
    ...["run", "--rm", "--network", "none", "--cpu-rt-runtime", "5000", "busybox", "true"],
  ]);
  expect(stderr).toMatch(/the control group above grants 0 µs|does not support CPU real-time scheduler/);
});

test("--cgroup-parent has the container's group below it", async () => {
  const parent = `/fathom-test-parent-${process.pid}`;
  const id = await started("--cgroup-parent", parent, "--pids-limit", "7", "busybox", "sleep", "100");
  expect(await fathom("exec", id, "cat", "/proc/1/cgroup")).toContain(`${parent}/${id}`);
  await fathom("rm", "-f", id);
  const layout = await readFile("/proc/self/mountinfo", "latin1");
  const roots = [...layout.matchAll(/ (\/sys\/fs\/cgroup\S*) .* - cgroup2? /g)].map(
    ([, root]) => `${root}${parent}`,
  );
  await run(["rmdir", "--ignore-fail-on-non-empty", ...roots]);
});

test("an update of the restart policy holds from the next end on", async () => {
  const id = await started("busybox", "sleep", "100");
  await fathom("update", "--restart", "on-failure:1", id);
  process.kill(Number(await field(id, ".State.Pid")), "SIGKILL");
  await eventually("the restart", async () => (await field(id, ".RestartCount")) === "1");
});
