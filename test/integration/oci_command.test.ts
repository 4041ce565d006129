/** `fathom runtime`: an OCI runtime as a program, by its own commands and in the hands of podman. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { busyboxArchive, eventually, FATHOM, type Result, run } from "../harness/mod.ts";

const GROUP = `/fathom-test-oci-${process.pid}`;
let directory: string;
let bundles = 0;
beforeAll(async () => {
  directory = await mkdtemp("/tmp/fathom-test-oci-");
  await mkdir(join(directory, "rootfs"));
  await run(["tar", "-x", "-C", join(directory, "rootfs")], { input: await busyboxArchive() });
});
afterAll(async () => {
  // The groups above those of containers are left by runtimes, for the next.
  await run([
    "find",
    "/sys/fs/cgroup",
    "-depth",
    "-path",
    `*${GROUP}*`,
    "-type",
    "d",
    "-exec",
    "rmdir",
    "{}",
    ";",
  ]);
  await rm(directory, { recursive: true, force: true });
});

const oci = (...words: string[]) => run([FATHOM, "runtime", "--root", join(directory, "state"), ...words]);
const statusOf = async (id: string): Promise<string> => JSON.parse((await oci("state", id)).stdout).status;

/** A bundle as `runc spec` writes it, with a script for its program. */
async function bundleOf(script: string, change: object = {}): Promise<string> {
  const bundle = join(directory, `bundle-${bundles++}`);
  await mkdir(bundle);
  const namespaces = ["pid", "network", "ipc", "uts", "mount"].map((type) => ({ type }));
  const config = {
    ociVersion: "1.0.2",
    process: { user: { uid: 0, gid: 0 }, args: ["sh", "-c", script], env: ["PATH=/bin"], cwd: "/" },
    root: { path: join(directory, "rootfs") },
    hostname: "box",
    annotations: { note: "kept" },
    mounts: [{ destination: "/proc", type: "proc", source: "proc" }],
    linux: { namespaces, cgroupsPath: `${GROUP}/${bundle.split("/").at(-1)}` },
    ...change,
  };
  await writeFile(join(bundle, "config.json"), JSON.stringify(config));
  return bundle;
}

async function created(script: string, change?: object): Promise<{ id: string; bundle: string }> {
  const bundle = await bundleOf(script, change);
  const id = `c-${bundles}`;
  const { status, stderr } = await quiet("create", "--bundle", bundle, id);
  if (status !== 0) throw new Error(stderr);
  return { id, bundle };
}

/** Its streams are not ours, which a container would hold open. */
async function quiet(...words: string[]): Promise<Result> {
  const script = 'exec "$@" < /dev/null > "$0" 2>&1';
  const out = join(directory, `out-${bundles}`);
  const ended = await run([
    "sh",
    "-c",
    script,
    out,
    FATHOM,
    "runtime",
    "--root",
    join(directory, "state"),
    ...words,
  ]);
  return { ...ended, stderr: await readFile(out, "utf8") };
}

describe("a container", () => {
  test("waits when it is created, runs when it is started, and goes when it is deleted", async () => {
    const pidFile = join(directory, "pid");
    const bundle = await bundleOf("hostname; echo $$; exec sleep 600");
    expect(await quiet("create", "-b", bundle, "--pid-file", pidFile, "whole")).toMatchObject({ status: 0 });
    const state = JSON.parse((await oci("state", "whole")).stdout);
    const pid = Number(await readFile(pidFile, "utf8"));
    expect(state).toMatchObject({
      id: "whole",
      status: "created",
      pid,
      bundle,
      annotations: { note: "kept" },
    });
    expect(await readFile(`/proc/${pid}/root/bin/busybox`).then((bytes) => bytes.length)).toBeGreaterThan(0);
    expect((await oci("start", "whole")).status).toBe(0);
    expect(await statusOf("whole")).toBe("running");
    expect((await oci("start", "whole")).stderr).toContain("cannot start a container that is not created");
    expect((await oci("delete", "whole")).stderr).toContain(
      "cannot delete container whole that is not stopped",
    );
    const inside = await oci("exec", "whole", "sh", "-c", "hostname; tr '\\0' ' ' < /proc/1/cmdline; exit 7");
    expect(inside).toMatchObject({ status: 7, stdout: "box\nsleep 600 " });
    expect((await oci("kill", "whole", "KILL")).status).toBe(0);
    await eventually("its end", async () => (await statusOf("whole")) === "stopped");
    expect((await oci("kill", "whole")).stderr).toContain("container not running");
    expect((await oci("delete", "whole")).status).toBe(0);
    expect((await oci("state", "whole")).stderr).toContain("container does not exist: whole");
    expect(await readdir(join(directory, "state"))).toEqual([]);
  });

  test("that was never started is deleted as well, and its process ends", async () => {
    const { id } = await created("true");
    const { pid } = JSON.parse((await oci("state", id)).stdout);
    expect((await oci("delete", id)).status).toBe(0);
    expect(await readFile(`/proc/${pid}/cmdline`, "latin1").catch(() => "")).toBe("");
  });

  test("stands still while it is paused", async () => {
    const { id } = await created("exec sleep 600");
    await oci("start", id);
    await oci("pause", id);
    expect(await statusOf(id)).toBe("paused");
    await oci("resume", id);
    expect(await statusOf(id)).toBe("running");
    expect((await oci("delete", "--force", id)).status).toBe(0);
  });

  test("has its hooks run by the command each belongs to", async () => {
    const log = join(directory, "hooks");
    const names = ["prestart", "createRuntime", "createContainer", "poststart", "poststop"];
    const hooks = Object.fromEntries(
      names.map((name) => [name, [{ path: "/bin/sh", args: ["sh", "-c", `echo ${name} >> ${log}`] }]]),
    );
    const seen = async () => (await readFile(log, "utf8")).trim().split("\n");
    const { id } = await created("true", { hooks });
    expect(await seen()).toEqual(names.slice(0, 3));
    await oci("start", id);
    expect(await seen()).toEqual(names.slice(0, 4));
    await oci("delete", "--force", id);
    expect(await seen()).toEqual(names);
  });

  test("with users of its own waits and starts as any other", async () => {
    const map = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
    const namespaces = ["pid", "network", "ipc", "uts", "mount", "user"].map((type) => ({ type }));
    const linux = { namespaces, uidMappings: map, gidMappings: map, cgroupsPath: `${GROUP}/users` };
    await chmod(directory, 0o711);
    const { id } = await created("exec sleep 600", { linux, mounts: [] });
    const { pid, status } = JSON.parse((await oci("state", id)).stdout);
    expect(status).toBe("created");
    expect((await oci("start", id)).status).toBe(0);
    expect(await statusOf(id)).toBe("running");
    expect(await readFile(`/proc/${pid}/uid_map`, "utf8")).toMatch(/^\s*0\s+100000\s+65536\n$/);
    expect((await oci("delete", "--force", id)).status).toBe(0);
  });
});

test("what cannot be done is said on standard error and in the log, and nothing is left", async () => {
  const log = join(directory, "log");
  const bundle = await bundleOf("", {
    process: { args: ["nope"], user: { uid: 0, gid: 0 }, env: [], cwd: "/" },
  });
  const words = ["--log", log, "--log-format", "json", "create", "-b", bundle, "missing"];
  expect(await oci(...words)).toMatchObject({ status: 1 });
  expect(JSON.parse(await readFile(log, "utf8"))).toMatchObject({
    level: "error",
    msg: expect.stringContaining('exec: "nope": executable file not found in $PATH'),
  });
  expect((await oci("state", "missing")).status).toBe(1);
  for (const [line, sentence] of [
    [["create", "../up"], "invalid container ID"],
    [["start", "nobody"], "container does not exist: nobody"],
    [["start"], "the container's ID is missing"],
    [["fly"], "unknown command fly"],
    [["kill", "--hard", "x"], "unknown option --hard"],
    [["--systemd-cgroup", "list"], "leave --systemd-cgroup out"],
  ] as const)
    expect((await oci(...line)).stderr).toContain(sentence);
  expect((await oci("delete", "--force", "nobody")).status).toBe(0);
});

test("features names what the specification asks for", async () => {
  const { stdout } = await oci("features");
  expect(JSON.parse(stdout)).toMatchObject({
    ociVersionMin: "1.0.0",
    linux: { cgroup: { v1: true, v2: true } },
  });
});

describe.skipIf(Bun.which("podman") === null)("podman", () => {
  const podman = (...words: string[]): Promise<Result> => {
    const at = (name: string) => join(directory, "podman", name);
    const places = ["--root", at("root"), "--runroot", at("run"), "--tmpdir", at("tmp")];
    const choices = [
      "--storage-driver",
      "vfs",
      "--cgroup-manager",
      "cgroupfs",
      "--runtime",
      join(directory, "oci"),
    ];
    const env = { CONTAINERS_CONF: join(directory, "containers.conf") };
    return run(["podman", ...places, ...choices, ...words], { env, timeout: 60_000 });
  };
  const APART = ["--network", "none", "--cgroup-parent", GROUP];
  afterAll(() => podman("rm", "-a", "-f", "-t", "0"));
  beforeAll(async () => {
    await writeFile(
      join(directory, "oci"),
      `#!/bin/sh\nexec ${FATHOM} runtime --root ${join(directory, "podman-state")} "$@"\n`,
      { mode: 0o755 },
    );
    // A host may not let a limit be raised.
    const limits = 'default_ulimits=["nofile=1024:1024","nproc=1000:1000"]';
    await writeFile(
      join(directory, "containers.conf"),
      `[containers]\n${limits}\n[engine]\nevents_logger="file"\n`,
    );
    const archive = join(directory, "busybox.tar");
    await writeFile(archive, await busyboxArchive());
    expect(await podman("import", archive, "busybox")).toMatchObject({ status: 0 });
  }, 60_000);
  const lasting = ["busybox", "sh", "-c", "trap 'exit 9' TERM; echo begun; while :; do sleep 0.1; done"];

  test("runs containers with it, with and without a terminal, and learns how they end", async () => {
    const once = ["run", "--rm", ...APART];
    expect(
      await podman(...once, "busybox", "sh", "-c", "hostname > /dev/null; echo out; exit 5"),
    ).toMatchObject({
      status: 5,
      stdout: "out\n",
    });
    const terminal = await podman(...once, "-t", "busybox", "sh", "-c", "[ -t 1 ] && echo terminal");
    expect(terminal).toMatchObject({ status: 0, stdout: "terminal\r\n" });
    const missing = await podman(...once, "busybox", "nope");
    expect(missing.status).toBe(127);
    expect(missing.stderr).toContain("executable file not found");
  }, 60_000);

  test("execs, pauses, stops, starts again and removes", async () => {
    expect((await podman("run", "-d", ...APART, "--name", "one", "--memory", "50m", ...lasting)).status).toBe(
      0,
    );
    expect(await podman("exec", "one", "sh", "-c", "echo beside; exit 4")).toMatchObject({
      status: 4,
      stdout: "beside\n",
    });
    expect((await podman("pause", "one")).status).toBe(0);
    expect((await podman("inspect", "-f", "{{.State.Status}}", "one")).stdout).toBe("paused\n");
    expect((await podman("unpause", "one")).status).toBe(0);
    await eventually("its output", async () => (await podman("logs", "one")).stdout === "begun\n");
    expect((await podman("stop", "one")).status).toBe(0);
    expect((await podman("inspect", "-f", "{{.State.ExitCode}}", "one")).stdout).toBe("9\n");
    expect((await podman("start", "one")).status).toBe(0);
    expect((await podman("rm", "-f", "-t", "0", "one")).status).toBe(0);
    await eventually(
      "nothing left",
      async () => (await readdir(join(directory, "podman-state"))).length === 0,
    );
  }, 60_000);
});
