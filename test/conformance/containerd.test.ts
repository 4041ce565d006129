/** containerd with the native runtime in runc's place: its shim calls `fathom runtime` as it would call runc. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { busyboxArchive, eventually, FATHOM, type Result, run } from "../harness/mod.ts";

const GROUP = `/fathom-test-containerd-${process.pid}`;
const missing = ["containerd", "ctr", "containerd-shim-runc-v2"].filter((name) => Bun.which(name) === null);
if (missing.length > 0) console.log(`containerd is not tested: ${missing.join(", ")} is not installed`);

describe.skipIf(missing.length > 0)("containerd", () => {
  let directory: string;
  let daemon: Bun.Subprocess;
  const at = (name: string) => join(directory, name);
  const ctr = (...words: string[]): Promise<Result> => run(["ctr", "-a", at("socket"), ...words]);

  beforeAll(async () => {
    directory = await mkdtemp("/tmp/fathom-test-ctrd-");
    await mkdir(at("rootfs"));
    await run(["tar", "-x", "-C", at("rootfs")], { input: await busyboxArchive() });
    await writeFile(at("oci"), `#!/bin/sh\nexec ${FATHOM} runtime "$@"\n`, { mode: 0o755 });
    const plugins = [
      "grpc.v1.cri",
      ...["btrfs", "aufs", "zfs", "devmapper"].map((name) => `snapshotter.v1.${name}`),
    ];
    const config = [
      "version = 2",
      `root = "${at("root")}"`,
      `state = "${at("state")}"`,
      `disabled_plugins = [${plugins.map((name) => `"io.containerd.${name}"`).join(", ")}]`,
      `[grpc]\naddress = "${at("socket")}"`,
    ];
    await writeFile(at("config.toml"), config.join("\n"));
    daemon = Bun.spawn(["containerd", "-c", at("config.toml")], {
      stdin: "ignore",
      stdout: "ignore",
      stderr: Bun.file(at("log")),
    });
    await eventually("containerd", async () => (await ctr("version")).status === 0);
  });
  afterAll(async () => {
    await ctr("task", "kill", "-s", "KILL", "lasting");
    await ctr("task", "rm", "-f", "lasting");
    daemon.kill("SIGTERM");
    await daemon.exited;
    const groups = ["find", "/sys/fs/cgroup", "-depth", "-path", `*${GROUP}*`, "-type", "d"];
    await run([...groups, "-exec", "rmdir", "{}", ";"]);
    await rm(directory, { recursive: true, force: true });
  });

  const how = (id: string): string[] => [
    ...["--runc-binary", at("oci"), "--runc-root", at("runtime"), "--cgroup", `${GROUP}/${id}`],
    ...["--env", "PATH=/bin", "--rootfs", at("rootfs"), id],
  ];

  test("runs a container to its end, and learns its status", async () => {
    const script = "echo in it; tr '\\0' ' ' < /proc/1/cmdline | cut -c1-5; exit 5";
    const { status, stdout } = await ctr("run", "--rm", ...how("once"), "sh", "-c", script);
    expect([status, stdout]).toEqual([5, "in it\nsh -c\n"]);
  }, 30_000);

  test("tells what cannot be executed", async () => {
    const { status, stderr } = await ctr("run", "--rm", ...how("bad"), "nope");
    expect([status, stderr]).toEqual([1, expect.stringContaining('exec: "nope": executable file not found')]);
  }, 30_000);

  test("execs, pauses, measures, lists and kills", async () => {
    expect(await ctr("run", "-d", ...how("lasting"), "sleep", "600")).toMatchObject({ status: 0 });
    const status = async () => /lasting\s+\d+\s+(\w+)/.exec((await ctr("task", "ls")).stdout)?.[1];
    expect(await status()).toBe("RUNNING");
    const beside = await ctr("task", "exec", "--exec-id", "e1", "lasting", "sh", "-c", "echo beside; exit 4");
    expect([beside.status, beside.stdout]).toEqual([4, "beside\n"]);
    expect((await ctr("task", "pause", "lasting")).status).toBe(0);
    expect(await status()).toBe("PAUSED");
    expect((await ctr("task", "resume", "lasting")).status).toBe(0);
    expect((await ctr("task", "metrics", "lasting")).stdout).toMatch(/memory\.usage_in_bytes\s+\d+|usage/);
    expect((await ctr("task", "ps", "lasting")).stdout).toMatch(/PID\s+INFO\n\d+/);
    expect((await ctr("task", "kill", "-s", "KILL", "lasting")).status).toBe(0);
    await eventually("its end", async () => (await status()) === "STOPPED");
    await ctr("task", "rm", "lasting");
    expect((await ctr("container", "rm", "lasting")).status).toBe(0);
    expect((await run(["ls", at("runtime/default")])).stdout).toBe("");
  }, 30_000);
});
