/** Limits from the command line: what is refused, changed and shown. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { type Engine, startEngine } from "../harness/mod.ts";
import { CLIENTS, commandLine, NONE, ON_DOCKER } from "./client.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterEach(() => engine.removeContainers());
afterAll(() => engine[Symbol.asyncDispose]());

const SLEEP = ["busybox", "sleep", "100"];

describe.each(CLIENTS)("%s", (client) => {
  const { command, output, started, inTerminal } = commandLine(client, () => engine);

  describe("a limit that contradicts another or itself is refused in Docker's words:", () => {
    const rows: [string[], string][] = [
      [["--memory", "1m"], "Minimum memory limit allowed is 6MB"],
      [
        ["--memory", "20m", "--memory-swap", "10m"],
        "Minimum memoryswap limit should be larger than memory limit",
      ],
      [["--memory-swap", "10m"], "You should always set the Memory limit when using Memoryswap limit"],
      [
        ["--memory", "10m", "--memory-reservation", "20m"],
        "Minimum memory limit can not be less than memory reservation limit",
      ],
      [["--memory-swappiness", "101"], "memory swappiness range is 0-100"],
      [["--cpus", "1", "--cpu-quota", "5000"], "Nano CPUs and CPU Quota cannot both be set"],
      [["--cpus", "1000"], "Range of CPUs is from 0.01 to"],
      [
        ["--cpu-period", "10"],
        "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)",
      ],
      [["--cpuset-cpus", "1000"], "Requested CPUs are not available - requested 1000, available: "],
      [["--cpuset-cpus", "1-x"], "Invalid value 1-x for cpuset cpus"],
      [
        ["--cpu-rt-runtime", "5000", "--cpu-rt-period", "4000"],
        "cpu real-time runtime cannot be higher than cpu real-time period",
      ],
      [["--device-read-bps", "/dev/nope:1mb"], "stat /dev/nope: no such file or directory"],
      [["--device-write-bps", "/tmp:1mb"], "bad format for device path: /tmp:1mb"],
      [
        ["--device-write-iops", "/dev/loop0:x"],
        "invalid rate for device: /dev/loop0:x. The correct format is <device-path>:<number>",
      ],
      [["--blkio-weight-device", "/dev/loop0:5"], "invalid weight for device: /dev/loop0:5"],
    ];
    test.each(rows)("%p", async (flags, sentence) => {
      const { status, stderr } = await command(["run", "--rm", ...NONE, ...flags, "busybox", "true"]);
      expect(stderr).toContain(sentence);
      // The docker command has a status of its own for whatever is said not to exist.
      expect(status).toBe(sentence.includes("no such file") ? 127 : 125);
    });
  });

  describe("update", () => {
    test("changes what inspect shows and the container has", async () => {
      const id = await started(["--memory", "100m", ...SLEEP]);
      const flags = ["--memory", "50m", "--memory-swap", "80m", "--cpus", "0.5", "--pids-limit", "20"];
      expect(await output(["update", ...flags, "--cpuset-cpus", "0", "--restart", "on-failure:3", id])).toBe(
        id,
      );
      const fields =
        "Memory MemorySwap NanoCpus PidsLimit CpusetCpus RestartPolicy.Name RestartPolicy.MaximumRetryCount".split(
          " ",
        );
      const format = fields.map((name) => `{{.HostConfig.${name}}}`).join(" ");
      const shown = await output(["inspect", "-f", format, id]);
      expect(shown).toBe("52428800 83886080 500000000 20 0 on-failure 3");
      expect(await output(["exec", id, "grep", "Cpus_allowed_list", "/proc/self/status"])).toMatch(/\t0$/);
    });

    test("of a stopped container is there when it starts", async () => {
      const id = await output([
        "create",
        ...NONE,
        "busybox",
        "grep",
        "Cpus_allowed_list",
        "/proc/self/status",
      ]);
      await output(["update", "--cpuset-cpus", "0", id]);
      expect(await output(["start", "-a", id])).toMatch(/\t0$/);
    });

    test("takes the limit of processes away with -1", async () => {
      const id = await started(["--pids-limit", "20", ...SLEEP]);
      await output(["update", "--pids-limit", "-1", id]);
      expect(await output(["inspect", "-f", "{{.HostConfig.PidsLimit}}", id])).toBe("0");
    });

    const refusals: [string[], string[], string][] = [
      [
        [],
        ["--memory", "50m"],
        "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time",
      ],
      [
        ["--cpus", "1"],
        ["--cpu-quota", "5000"],
        "Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set",
      ],
      [
        ["--cpu-period", "5000"],
        ["--cpus", "1"],
        "Conflicting options: Nano CPUs cannot be updated as CPU Period has already been set",
      ],
      [
        ["--rm"],
        ["--restart", "always"],
        "Restart policy cannot be updated because AutoRemove is enabled for the container",
      ],
      [[], ["--cpuset-cpus", "1000"], "Requested CPUs are not available - requested 1000"],
      [[], ["--memory", "1m"], "Minimum memory limit allowed is 6MB"],
    ];
    test.each(refusals)(
      "of a container with %p by %p is refused in Docker's words",
      async (has, flags, sentence) => {
        const id = await started([...has, ...SLEEP]);
        const { status, stderr } = await command(["update", ...flags, id]);
        expect(stderr).toContain(sentence);
        expect(status).toBe(1);
      },
    );

    test("names what it cannot find, does the others, and wants a flag", async () => {
      const id = await started(SLEEP);
      const { status, stdout, stderr } = await command(["update", "--cpu-shares", "512", "nope", id]);
      expect({ status, stdout }).toEqual({ status: 1, stdout: `${id}\n` });
      expect(stderr).toContain("No such container: nope");
      expect((await command(["update", id])).stderr).toContain(
        "you must provide one or more flags when using this command",
      );
    });

    test("is told by an event", async () => {
      const since = String(Date.now() / 1000);
      const id = await started(SLEEP);
      await output(["update", "--cpu-shares", "512", id]);
      const until = String(Date.now() / 1000 + 0.3);
      const flags = [
        "--since",
        since,
        "--until",
        until,
        "--filter",
        "event=update",
        "--format",
        "{{.Action}}",
      ];
      expect(await output(["events", ...flags])).toBe("update");
    });
  });

  describe("stats", () => {
    test("--no-stream prints Docker's table once", async () => {
      const id = await started([
        "--name",
        "seen",
        "--memory",
        "50m",
        "--cpus",
        "0.5",
        "busybox",
        "sh",
        "-c",
        "while :; do :; done",
      ]);
      const [heading = "", row = ""] = (await output(["stats", "--no-stream"])).split("\n");
      expect(heading.trim().split(/ {2,}/)).toEqual([
        ...["CONTAINER ID", "NAME", "CPU %", "MEM USAGE / LIMIT", "MEM %", "NET I/O", "BLOCK I/O", "PIDS"],
      ]);
      const cells = row.trim().split(/ {2,}/);
      expect([cells[0], cells[1], cells[5], cells[7]]).toEqual([id.slice(0, 12), "seen", "0B / 0B", "1"]);
      expect(Number.parseFloat(cells[2] ?? "")).toBeWithin(5, 70);
      expect(cells[3]).toMatch(/^[\d.]+[KM]iB \/ 50MiB$/);
    });

    test("shows what does not run with -a only, as zeros; --no-trunc shows the whole ID; json has Docker's keys", async () => {
      const id = await output(["create", ...NONE, "--name", "idle", ...SLEEP]);
      expect((await output(["stats", "--no-stream"])).split("\n")).toHaveLength(1);
      expect(
        await output(["stats", "-a", "--no-stream", "--no-trunc", "--format", "{{.ID}} {{.CPUPerc}}"]),
      ).toBe(`${id} 0.00%`);
      expect(JSON.parse(await output(["stats", "--no-stream", "--format", "json", "idle"]))).toEqual({
        ...{ BlockIO: "0B / 0B", CPUPerc: "0.00%", Container: "idle", ID: id.slice(0, 12), MemPerc: "0.00%" },
        ...{ MemUsage: "0B / 0B", Name: "idle", NetIO: "0B / 0B", PIDs: "0" },
      });
    });

    test("follows until it is ended", async () => {
      await started(["--name", "followed", ...SLEEP]);
      await using terminal = inTerminal(["stats", "followed"], { columns: 160, rows: 10 });
      await terminal.see(/followed[\s\S]*followed/);
    });

    test("a name that nobody has is an error", async () => {
      const { status, stderr } = await command(["stats", "--no-stream", "nope"]);
      expect({ status, stderr }).toEqual({
        status: 1,
        stderr: "Error response from daemon: No such container: nope\n",
      });
    });
  });
});

test("the API's fields are Docker's", async () => {
  const id = await engine.output("docker", [
    "run",
    "-d",
    ...NONE,
    "--memory",
    "50m",
    "--pids-limit",
    "20",
    ...SLEEP,
  ]);
  const { json } = await engine.request("GET", `/containers/${id}/stats?stream=false`);
  const stats = json as Record<string, Record<string, unknown>>;
  expect(Object.keys(stats).sort()).toEqual(
    "blkio_stats cpu_stats id memory_stats name num_procs pids_stats precpu_stats preread read storage_stats".split(
      " ",
    ),
  );
  expect(stats.pids_stats).toEqual({ current: 1, limit: 20 });
  expect(stats.memory_stats).toMatchObject({ limit: 50 << 20 });
  expect(Object.keys(stats.cpu_stats ?? {}).sort()).toEqual([
    ...["cpu_usage", "online_cpus", "system_cpu_usage", "throttling_data"],
  ]);
  expect(Object.keys(stats.precpu_stats ?? {}).sort()).toEqual(Object.keys(stats.cpu_stats ?? {}).sort());
  const both = await engine.request("GET", `/containers/${id}/stats?stream=true&one-shot=true`);
  if (!ON_DOCKER) expect(both.status).toBe(400);
});
