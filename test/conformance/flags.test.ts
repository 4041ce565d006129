/** Flags that no other suite has a use for: each does what Docker's help says of it. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { busyboxArchive, type Engine, startEngine } from "../harness/mod.ts";
import { CLIENTS, commandLine, NONE, ON_DOCKER } from "./client.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterEach(() => engine.removeContainers());
afterAll(() => engine[Symbol.asyncDispose]());

const KEYS = "ctrl-x,x";
const DETACH = "\x18x";

describe.each(CLIENTS)("%s", (client) => {
  const { command, output, runs, started, inTerminal } = commandLine(client, () => engine);
  const created = (...args: string[]) => output(["create", ...NONE, ...args, "busybox", "true"]);
  const field = (id: string, template: string) => output(["inspect", "-f", template, id]);

  test("create and run take what is only kept, or has one sensible value", async () => {
    expect(await field(await created("--cpuset-mems", "0"), "{{.HostConfig.CpusetMems}}")).toBe("0");
    expect(await field(await created("--volume-driver", "local"), "{{.HostConfig.VolumeDriver}}")).toBe(
      "local",
    );
    expect(await field(await created("--runtime", "runc"), "{{.HostConfig.Runtime}}")).toBe("runc");
    expect(await field(await created("--workdir", "/tmp"), "{{.Config.WorkingDir}}")).toBe("/tmp");
    expect(await field(await created("--attach", "stdout"), "{{.Config.AttachStderr}}")).toBe("false");
    expect(await field(await created("-t"), "{{.Config.Tty}}")).toBe("true");
    expect((await runs(["--disable-content-trust", "busybox", "true"])).status).toBe(0);
    expect((await command(["create", "--pull", "never", "no-such-image"])).stderr).toContain("No such image");
    expect((await runs(["--platform", "linux/amd64", "busybox", "true"])).status).toBe(
      process.arch === "x64" ? 0 : 125,
    );
    expect((await runs(["--runtime", "no-such-runtime", "busybox", "true"])).stderr).toContain(
      "no-such-runtime",
    );
  });

  test("exec has variables, a user, a directory and privileges of its own", async () => {
    const id = await started(["busybox", "sleep", "60"]);
    const file = join(engine.root, `variables-${client}`);
    await writeFile(file, "FROM_FILE=yes\n");
    const show = ["sh", "-c", "echo $GIVEN $FROM_FILE $(id -u):$(id -g) $(pwd)"];
    const whole = ["exec", "--env", "GIVEN=1", "--env-file", file, "--user", "7:8", "--workdir", "/tmp"];
    expect(await output([...whole, id, ...show])).toBe("1 yes 7:8 /tmp");
    expect(await output(["exec", "-e", "GIVEN=2", "-u", "9", "-w", "/", id, ...show])).toStartWith("2 9:");
    const privileges = ["sh", "-c", "grep CapEff /proc/self/status"];
    const plain = await output(["exec", id, ...privileges]);
    expect(await output(["exec", "--privileged", id, ...privileges])).not.toBe(plain);
  });

  test("attach, exec and start leave the container by the keys that were chosen", async () => {
    const running = await started(["-it", "busybox", "cat"]);
    const waiting = await output(["create", ...NONE, "-it", "busybox", "cat"]);
    const ways: [string, string[], code: number][] = [
      [running, ["attach", "--detach-keys", KEYS, running], 1],
      [running, ["exec", "-it", "--detach-keys", KEYS, running, "cat"], 1],
      [waiting, ["start", "-ai", "--detach-keys", KEYS, waiting], 0],
    ];
    for (const [id, args, code] of ways) {
      await using terminal = inTerminal(args);
      terminal.type("hello\r");
      await terminal.see(/hello\s+hello/);
      terminal.type(DETACH);
      expect([args[0], await terminal.exited]).toEqual([args[0], code]);
      expect(await field(id, "{{.State.Running}}")).toBe("true");
    }
  });

  test("attach without its input shows what the program writes", async () => {
    const id = await started(["-i", "busybox", "sh", "-c", "sleep 0.5; echo written"]);
    expect(await output(["attach", "--no-stdin", id])).toBe("written");
  });

  test("ps shows the last, so many of the last, and sizes", async () => {
    const first = await created();
    const second = await created();
    expect(await output(["ps", "-l", "-q", "--no-trunc"])).toBe(second);
    expect(await output(["ps", "--last", "2", "-q", "--no-trunc"])).toBe(`${second}\n${first}`);
    expect(await output(["ps", "-a", "--size", "--format", "{{.Size}}"])).toMatch(/^0B \(virtual .*B\)\n0B/);
    expect(JSON.parse(await output(["inspect", "--size", first]))).toMatchObject([{ SizeRw: 0 }]);
  });

  test("images are imported with a message, listed with digests and by a filter, and removed alone", async () => {
    const input = await busyboxArchive();
    const arch = process.arch === "x64" ? "linux/amd64" : "linux/arm64";
    await output(["import", "--message", "why", "--platform", arch, "-", "told:1"], { input });
    expect(await output(["image", "inspect", "--format", "{{.Comment}} {{.Os}}", "told:1"])).toBe(
      "why linux",
    );
    expect(await output(["images", "--all", "--digests", "told"])).toMatch(/DIGEST[\s\S]*told +1 +<none>/);
    expect(await output(["images", "--filter", "reference=told:*", "--format", "{{.Tag}}"])).toBe("1");
    expect(await output(["rmi", "--no-prune", "told:1"])).toContain("Untagged: told:1");
  });

  test("networks are listed by a filter, whole and by ID alone", async () => {
    expect(await output(["network", "ls", "--filter", "name=host", "--format", "{{.Name}}"])).toBe("host");
    const id = await output(["network", "ls", "--quiet", "--no-trunc", "-f", "name=none"]);
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(await output(["network", "inspect", "--verbose", "-f", "{{.Name}}", id])).toBe("none");
  });

  test("volumes have a driver, and are shown, listed and pruned by what they are", async () => {
    await output(["volume", "create", "--driver", "local", "--label", "x=y", "kept"]);
    expect(await output(["volume", "inspect", "--format", "{{.Driver}}", "kept"])).toBe("local");
    expect(await output(["volume", "ls", "--quiet", "--filter", "name=kept"])).toBe("kept");
    expect(await output(["volume", "prune", "-f", "--filter", "label=other"])).toContain(
      "reclaimed space: 0B",
    );
    expect(await output(["volume", "rm", "kept"])).toBe("kept");
  });

  test("update changes the scheduler's period and quota, memory nodes and the soft limit", async () => {
    const id = await created("--memory", "64m");
    await output(["update", "--cpu-period", "50000", "--cpu-quota", "20000", id]);
    await output(["update", "--cpuset-mems", "0", "--memory-reservation", "32m", id]);
    const { CpuPeriod, CpuQuota, CpusetMems, MemoryReservation } = JSON.parse(
      await field(id, "{{json .HostConfig}}"),
    ) as Record<string, unknown>;
    expect([CpuPeriod, CpuQuota, CpusetMems, MemoryReservation]).toEqual([50_000, 20_000, "0", 32 << 20]);
  });

  test.skipIf(ON_DOCKER)("stop has a signal of its own; cp says nothing when told so", async () => {
    const script = "trap 'exit 3' USR1; echo ready; while :; do sleep 0.05; done";
    const id = await started(["busybox", "sh", "-c", script]);
    await mkdir(join(engine.root, client), { recursive: true });
    const copied = await command(["cp", "--quiet", `${id}:/bin/busybox`, join(engine.root, client)]);
    expect([copied.status, copied.stdout, copied.stderr]).toEqual([0, "", ""]);
    await output(["stop", "--signal", "USR1", id]);
    expect(await field(id, "{{.State.ExitCode}}")).toBe("3");
  });

  test("what is before the command: debugging, and where the client's configuration is", async () => {
    const config = join(engine.root, "other-client");
    await mkdir(config, { recursive: true });
    expect(await output(["-D", "--config", config, "info", "-f", "{{.ClientInfo.Debug}}"])).toBe("true");
  });
});

test.skipIf(ON_DOCKER)("Fathom's own: run and explain tell what is done as it happens", async () => {
  const image = await engine.output("fathom", ["image", "from-host", "--tag", "tools:1", "sh"]);
  expect(image).toStartWith("sha256:");
  const told = await engine.command("fathom", [
    "run",
    "--rm",
    ...NONE,
    "--explain",
    "tools:1",
    "sh",
    "-c",
    ":",
  ]);
  expect([told.status, told.stderr]).toEqual([0, expect.stringContaining("execute /usr/bin/sh")]);
  const id = await engine.output("fathom", ["create", ...NONE, "tools:1", "sh", "-c", ":"]);
  const following = engine.command("fathom", ["explain", "--follow", id]);
  await engine.output("fathom", ["start", "-a", id]);
  expect((await following).stdout).toContain("execve");
});

test.skipIf(ON_DOCKER)("what the compatibility page calls refused is refused, in one sentence", async () => {
  const refused = (await Bun.file(
    join(import.meta.dir, "../../scripts/compatibility/refused.json"),
  ).json()) as Record<string, string[]>;
  for (const [name, flags] of Object.entries(refused)) {
    const { status, stderr } = await engine.command("docker", ["create", ...flags, "busybox", "true"]);
    expect([name, status, stderr]).toEqual([
      name,
      1,
      expect.stringMatching(/^Error response from daemon: .+\n$/),
    ]);
  }
});
