/**
 * Containers of other OCI runtimes: whatever their process was made by, the engine's work on them is the same. crun is tested where it
 * takes the host's control groups; a hybrid host that has controllers on both versions it refuses.
 */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Engine, eventually, startEngine } from "../harness/mod.ts";
import { commandLine, ON_DOCKER } from "./client.ts";

const controllers = (path: string): string => {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
};
const isHybrid = controllers("/sys/fs/cgroup/unified/cgroup.controllers") !== "";
const isInstalled = (name: string) => Bun.which(name) !== null;
const RUNTIMES = ["runc", "crun"].filter((name) => {
  const why = !isInstalled(name)
    ? "it is not installed"
    : name === "crun" && isHybrid
      ? "it refuses this host, whose version 2 hierarchy has controllers beside version 1"
      : undefined;
  if (why !== undefined) console.log(`${name} is not tested: ${why}`);
  return why === undefined && !(ON_DOCKER && name === "crun");
});

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterEach(() => engine.removeContainers());
afterAll(() => engine[Symbol.asyncDispose]());

describe.each(RUNTIMES)("%s", (runtime) => {
  const { command, output, started, runs, inTerminal } = commandLine("docker", () => engine);
  const BY = ["--runtime", runtime];
  const sleeper = () => started([...BY, "busybox", "sleep", "600"]);
  const inspected = (id: string, format: string) => output(["inspect", "-f", format, id]);

  test("runs a program, and its output, error and exit status come back", async () => {
    const { stdout, stderr, status } = await runs([
      ...[...BY, "busybox", "sh", "-c", "echo out; echo err >&2; cat /etc/hostname; exit 7"],
    ]);
    expect([stdout.split("\n")[0], stderr, status]).toEqual(["out", "err\n", 7]);
    const piped = await runs(["-i", ...BY, "busybox", "cat"], { input: "through" });
    expect(piped.stdout).toBe("through");
    expect((await runs([...BY, "busybox", "nope"])).status).toBe(127);
    expect((await runs([...BY, "busybox", "/etc/passwd"])).status).toBe(126);
  });

  test("is what inspect says, and has its terminal", async () => {
    const id = await sleeper();
    expect(await inspected(id, "{{.HostConfig.Runtime}}")).toBe(runtime);
    await using terminal = inTerminal(["run", "--rm", "-it", "--network", "none", ...BY, "busybox", "sh"], {
      columns: 91,
      rows: 27,
    });
    await terminal.see(/# /);
    terminal.type("tty; stty size; exit 3\n");
    expect(await terminal.exited).toBe(3);
    expect(terminal.output).toContain("/dev/pts/0");
    expect(terminal.output).toContain("27 91");
  });

  test("exec: output, status, user, directory, environment, input and a terminal", async () => {
    const id = await sleeper();
    const { stdout, stderr, status } = await command(["exec", id, "sh", "-c", "echo a; echo b >&2; exit 9"]);
    expect([stdout, stderr, status]).toEqual(["a\n", "b\n", 9]);
    const look = ["sh", "-c", "id -u; id -g; pwd; echo $WORD"];
    expect(await output(["exec", "-u", "7:8", "-w", "/tmp", "-e", "WORD=said", id, ...look])).toBe(
      "7\n8\n/tmp\nsaid",
    );
    expect(await output(["exec", "-i", id, "cat"], { input: "in" })).toBe("in");
    // Docker 20.10 has another status for that than later ones.
    expect((await command(["exec", id, "nope"])).status).toBe(ON_DOCKER ? 126 : 127);
    await using terminal = inTerminal(["exec", "-it", id, "sh"], { columns: 80, rows: 25 });
    await terminal.see(/# /);
    terminal.type("tty; exit 4\n");
    expect(await terminal.exited).toBe(4);
    expect(terminal.output).toMatch(/\/dev\/pts\/\d/);
  });

  test("kill, stop and restart", async () => {
    const id = await started([
      ...[
        ...BY,
        "busybox",
        "sh",
        "-c",
        "trap 'exit 5' TERM; trap 'echo usr1' USR1; while :; do sleep 0.05; done",
      ],
    ]);
    await eventually("the signal", async () => {
      await output(["kill", "-s", "USR1", id]);
      return (await output(["logs", id])).includes("usr1");
    });
    await output(["restart", id]);
    expect(await inspected(id, "{{.State.Status}}")).toBe("running");
    await eventually("its trap", async () => {
      await output(["kill", "-s", "USR1", id]);
      return (await output(["logs", id])).split("usr1").length > 2;
    });
    await output(["stop", id]);
    expect(await inspected(id, "{{.State.Status}} {{.State.ExitCode}}")).toBe("exited 5");
    await output(["start", id]);
    await output(["kill", id]);
    expect(await output(["wait", id])).toBe("137");
  });

  test("pause and unpause", async () => {
    const id = await started([...BY, "busybox", "sh", "-c", "while :; do echo tick; sleep 0.05; done"]);
    const lines = async () => (await output(["logs", id])).length;
    await eventually("output", async () => (await lines()) > 0);
    await output(["pause", id]);
    expect(await inspected(id, "{{.State.Status}}")).toBe("paused");
    const before = await lines();
    await Bun.sleep(200);
    expect(await lines()).toBe(before);
    await output(["unpause", id]);
    await eventually("more output", async () => (await lines()) > before);
  });

  test("limits hold, stats show them, and update changes them", async () => {
    const id = await started([...BY, "-m", "64m", "--pids-limit", "20", "busybox", "sleep", "600"]);
    expect(await output(["stats", "--no-stream", "--format", "{{.MemUsage}} {{.PIDs}}", id])).toMatch(
      /\/ 64MiB 1$/,
    );
    await output(["update", "-m", "32m", "--memory-swap", "32m", "--pids-limit", "7", id]);
    expect(await inspected(id, "{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}")).toBe("33554432 7");
    expect(await output(["stats", "--no-stream", "--format", "{{.MemUsage}}", id])).toMatch(/\/ 32MiB$/);
    const files = "cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null";
    expect((await command(["exec", id, "sh", "-c", files])).stdout.trim()).toBe("7");
    expect(await output(["top", id, "-o", "pid,args"])).toContain("sleep 600");
  });

  test("a health check runs in it", async () => {
    const id = await started([
      ...[...BY, "--health-cmd", "test -e /well", "--health-interval", "1s", "--health-retries", "1"],
      ...["busybox", "sleep", "600"],
    ]);
    const health = () => inspected(id, "{{.State.Health.Status}}");
    await eventually("it is ill", async () => (await health()) === "unhealthy", 10_000);
    await output(["exec", id, "touch", "/well"]);
    await eventually("it is well", async () => (await health()) === "healthy", 10_000);
  });

  test("files are copied in and out, and what changed is told", async () => {
    const directory = await mkdtemp("/tmp/fathom-test-runtimes-");
    try {
      const id = await sleeper();
      await writeFile(join(directory, "in"), "content");
      await output(["cp", join(directory, "in"), `${id}:/tmp/copied`]);
      expect(await output(["exec", id, "cat", "/tmp/copied"])).toBe("content");
      await output(["cp", `${id}:/tmp/copied`, join(directory, "out")]);
      expect(await readFile(join(directory, "out"), "utf8")).toBe("content");
      expect(await output(["diff", id])).toContain("A /tmp/copied");
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
