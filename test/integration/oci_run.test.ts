/** `fathom runtime run`, and what the command tells and changes of a container that runs. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { busyboxArchive, eventually, FATHOM, run } from "../harness/mod.ts";

const GROUP = `/fathom-test-oci-run-${process.pid}`;
let directory: string;
let bundles = 0;
beforeAll(async () => {
  directory = await mkdtemp("/tmp/fathom-test-oci-run-");
  await mkdir(join(directory, "rootfs"));
  await run(["tar", "-x", "-C", join(directory, "rootfs")], { input: await busyboxArchive() });
});
afterAll(async () => {
  const groups = ["find", "/sys/fs/cgroup", "-depth", "-path", `*${GROUP}*`, "-type", "d"];
  await run([...groups, "-exec", "rmdir", "{}", ";"]);
  await rm(directory, { recursive: true, force: true });
});

const state = () => join(directory, "state");
const oci = (words: readonly string[], input?: string) =>
  run([FATHOM, "runtime", "--root", state(), ...words], { ...(input !== undefined && { input }) });

async function bundleOf(args: readonly string[], env = ["PATH=/bin"]): Promise<string> {
  const bundle = join(directory, `bundle-${bundles++}`);
  await mkdir(bundle);
  const namespaces = ["pid", "network", "ipc", "uts", "mount"].map((type) => ({ type }));
  const tmpfs = { destination: "/run", type: "tmpfs", source: "tmpfs" };
  const config = {
    ociVersion: "1.0.2",
    process: { user: { uid: 0, gid: 0 }, args, env, cwd: "/" },
    root: { path: join(directory, "rootfs") },
    mounts: [{ destination: "/proc", type: "proc", source: "proc" }, tmpfs],
    linux: { namespaces, cgroupsPath: `${GROUP}/${bundles}` },
  };
  await writeFile(join(bundle, "config.json"), JSON.stringify(config));
  return bundle;
}

test("run gives a program's output and status, and leaves nothing", async () => {
  const bundle = await bundleOf(["sh", "-c", "echo out; echo err >&2; exit 7"]);
  expect(await oci(["run", "-b", bundle, "once"])).toEqual({ status: 7, stdout: "out\n", stderr: "err\n" });
  expect(await readdir(state())).toEqual([]);
  const kept = await bundleOf(["true"]);
  expect((await oci(["run", "--keep", "-b", kept, "kept"])).status).toBe(0);
  expect(JSON.parse((await oci(["state", "kept"])).stdout)).toMatchObject({ status: "stopped", pid: 0 });
  expect((await oci(["delete", "kept"])).status).toBe(0);
});

test("run passes signals on", async () => {
  const bundle = await bundleOf(["sh", "-c", "trap 'exit 5' TERM; echo on; while :; do sleep 0.05; done"]);
  const child = Bun.spawn([FATHOM, "runtime", "--root", state(), "run", "-b", bundle, "signalled"], {
    stdin: "ignore",
    stdout: "pipe",
  });
  for await (const _ of child.stdout) {
    child.kill("SIGTERM");
    break;
  }
  expect(await child.exited).toBe(5);
});

test("what cannot be executed is told before it is started", async () => {
  for (const [program, sentence] of [
    ["nope", "executable file not found in $PATH"],
    ["/bad/plain", "permission denied"],
    ["/bad/interpreter", "it needs /nowhere/sh, which is not in the image"],
  ] as const) {
    const bundle = await bundleOf([program]);
    const { status, stderr } = await oci(["create", "-b", bundle, "bad"]);
    expect([status, stderr]).toEqual([1, expect.stringContaining(sentence)]);
  }
  expect(await readdir(state())).toEqual([]);
});

test("without a PATH a program is looked for where execvp(3) does", async () => {
  expect((await oci(["run", "-b", await bundleOf(["echo", "found"], []), "bare"])).stdout).toBe("found\n");
});

test("descriptors are passed into the program where that is asked for", async () => {
  const file = join(directory, "passed");
  await writeFile(file, "passed\n");
  const bundle = await bundleOf(["sh", "-c", "cat <&3; cat <&4; [ -e /proc/self/fd/5 ] || echo end"]);
  const line = 'exec "$@" 3<"$0" 4<"$0" 5<"$0"';
  const words = ["runtime", "--root", state(), "run", "--preserve-fds", "2", "-b", bundle, "fds"];
  const { stdout } = await run(["sh", "-c", line, file, FATHOM, ...words]);
  expect(stdout).toBe("passed\npassed\nend\n");
  expect((await oci(["run", "--preserve-fds", "-1", "-b", bundle, "fds"])).stderr).toContain(
    "--preserve-fds is no number of descriptors: -1",
  );
});

test("update sets limits anew, and events tells them and what is used", async () => {
  const bundle = await bundleOf(["sleep", "600"]);
  const line = 'exec "$@" </dev/null >/dev/null 2>&1';
  const words = ["runtime", "--root", state(), "run", "-d", "-b", bundle, "limited"];
  await run(["sh", "-c", line, "sh", FATHOM, ...words]);
  const used = async () => JSON.parse((await oci(["events", "--stats", "limited"])).stdout);
  const given = JSON.stringify({ memory: { limit: 33_554_432 }, pids: { limit: 5 } });
  expect(await oci(["update", "--resources", "-", "limited"], given)).toMatchObject({ status: 0 });
  const { type, id, data } = await used();
  expect([type, id, data.pids, data.memory.usage.limit]).toEqual([
    "stats",
    "limited",
    { current: 1, limit: 5 },
    33_554_432,
  ]);
  expect(data.cpu.usage.total).toBeGreaterThan(0);
  expect((await oci(["update", "--memory", "48m", "--pids-limit", "9", "limited"])).status).toBe(0);
  const later = (await used()).data;
  expect([later.pids.limit, later.memory.usage.limit]).toEqual([9, 50_331_648]);
  expect((await oci(["update", "--memory", "much", "limited"])).stderr).toContain("not a size: much");
  expect((await oci(["update", "--resources", "-", "limited"], "{")).stderr).toContain("are not JSON");
  const events = oci(["events", "--interval", "50ms", "limited"]);
  await Bun.sleep(300);
  await oci(["kill", "limited", "KILL"]);
  expect((await events).stdout.trim().split("\n").length).toBeGreaterThan(1);
  await eventually("its end", async () => (await oci(["delete", "limited"])).status === 0);
  expect((await oci(["events", "--stats", "limited"])).stderr).toContain("container does not exist");
});
