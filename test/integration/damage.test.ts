/** Damage beneath an engine: it starts, says in a sentence what it found, shows every container honestly, and others go on. */

import { afterEach, expect, test } from "bun:test";
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Engine, eventually, FATHOM, run, startFathom } from "../harness/mod.ts";

const undo: (() => PromiseLike<unknown>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});
async function started(options: Parameters<typeof startFathom>[0] = {}): Promise<Engine> {
  const engine = await startFathom(options);
  undo.push(() => engine[Symbol.asyncDispose]());
  return engine;
}

async function smallDisk(options: string): Promise<string> {
  const disk = await mkdtemp("/tmp/fathom-test-small-");
  undo.push(() => rm(disk, { recursive: true }));
  const { status, stderr } = await run(["mount", "-t", "tmpfs", "-o", options, "small", disk]);
  if (status !== 0) throw new Error(stderr);
  undo.push(() => run(["umount", disk]));
  return disk;
}

const runDetached = (engine: Engine, args: string[]) =>
  engine.output("docker", ["run", "-d", "--network", "none", ...args]);
const stateOf = async (engine: Engine, id: string) =>
  (await engine.output("docker", ["inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", id])).split(" ");

test("a disk that is full when a container ends does not lose its end, nor keep the next daemon from starting", async () => {
  const disk = await smallDisk("size=48m");
  const engine = await started({ dataRoot: join(disk, "data") });
  const id = await runDetached(engine, ["busybox", "sh", "-c", "sleep 1.5; exit 7"]);
  const reserved = join(engine.dataRoot, "containers", id, "exit.json.new");
  await eventually("the room for its exit record", () => Bun.file(reserved).exists());
  await run(["dd", "if=/dev/zero", `of=${join(disk, "full")}`, "bs=4k"]);
  await engine.kill();
  await Bun.sleep(2500);
  await engine.start();
  expect(await stateOf(engine, id)).toEqual(["exited", "7"]);
  expect((await run(["df", "--output=avail", disk])).stdout).toMatch(/\n *0\n/);
  await rm(join(disk, "full"));
  expect(await engine.output("docker", ["run", "--rm", "--network", "none", "busybox", "echo", "room"])).toBe(
    "room",
  );
});

test("a data root that is read-only is shown as it is: containers are seen, read and stopped, none is made", async () => {
  const disk = await smallDisk("size=48m");
  const engine = await started({ dataRoot: join(disk, "data") });
  const id = await runDetached(engine, ["busybox", "sleep", "100"]);
  await engine.kill();
  // What the shim and the overlay have open forbids it for the file system: so for the one mount that a daemon sees.
  const daemon = Bun.spawn(
    [
      ...["unshare", "-m", "sh", "-c", 'mount -o remount,bind,ro "$0" && exec "$@"', disk, FATHOM, "daemon"],
      ...["--data-root", engine.dataRoot, "--exec-root", engine.execRoot, "-H", `unix://${engine.socket}`],
      ...["--pidfile", join(engine.root, "pid")],
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  await eventually("an answer", async () => (await engine.command("docker", ["version"])).status === 0);
  expect(await stateOf(engine, id)).toEqual(["running", "0"]);
  expect(await engine.output("docker", ["exec", id, "echo", "inside"])).toBe("inside");
  const refused = await engine.command("docker", ["run", "--rm", "--network", "none", "busybox", "true"]);
  expect(refused.stderr).toContain(
    "is on a file system that is mounted read-only, so that nothing can be made",
  );
  await engine.output("docker", ["stop", "-t", "0", id]);
  expect((await stateOf(engine, id))[0]).toBe("exited");
  daemon.kill();
  await daemon.exited;
  expect(await new Response(daemon.stderr).text()).toContain("is mounted read-only: what is there is shown");
  await engine.start();
  expect(await stateOf(engine, id)).toEqual(["exited", "137"]);
});

test("a list of images that is damaged keeps nobody from containers", async () => {
  const engine = await started();
  const id = await runDetached(engine, ["busybox", "sleep", "100"]);
  await engine.output("docker", ["create", "--name", "other", "--network", "none", "busybox", "true"]);
  await engine.kill();
  const index = join(engine.dataRoot, "images", "index.json");
  await rename(index, `${index}.good`);
  await writeFile(index, '{"manif');
  await engine.start();
  expect(await stateOf(engine, id)).toEqual(["running", "0"]);
  await engine.output("docker", ["start", "other"]);
  expect(await engine.log()).toMatch(
    /images cannot be used until this is mended, and containers go on: the list of images .* is damaged/,
  );
  expect((await engine.command("docker", ["images"])).stderr).toContain("is damaged");
  await engine.output("docker", ["info"]);
  await rename(`${index}.good`, index);
  expect(await engine.output("docker", ["images", "-q"])).not.toBe("");
});

test("a layer that is missing is named by the start that needs it", async () => {
  const engine = await started();
  await engine.output("docker", ["create", "--name", "bare", "--network", "none", "busybox", "true"]);
  const layers = join(engine.dataRoot, "layers");
  const [layer = ""] = (await readdir(layers)).filter((name) => name.length === 64);
  await rename(join(layers, layer), join(layers, "ingest", "moved"));
  const { status, stderr } = await engine.command("docker", ["start", "bare"]);
  expect(status).not.toBe(0);
  expect(stderr).toContain(`${layer}/diff that the container stands on is missing`);
});

test("a root that was left mounted is unmounted", async () => {
  const engine = await started();
  const id = await runDetached(engine, ["busybox", "true"]);
  const state = Bun.file(join(engine.dataRoot, "containers", id, "state.json"));
  await eventually("its end on disk", async () => (await state.text()).includes('"exited"'));
  await engine.kill();
  const rootfs = join(engine.dataRoot, "containers", id, "rootfs");
  await run(["mount", "-t", "tmpfs", "left", rootfs]);
  await engine.start();
  expect((await run(["mountpoint", "-q", rootfs])).status).not.toBe(0);
  expect(await engine.log()).toContain(
    `container ${id} does not run and its root was still mounted: it is unmounted`,
  );
});

test("a reboot that empties the run directory: containers are shown as ended by it, and start again", async () => {
  const engine = await started();
  const id = await runDetached(engine, ["busybox", "sleep", "100"]);
  const always = await runDetached(engine, ["--restart", "always", "busybox", "sleep", "100"]);
  const states = [id, always].map((one) => join(engine.dataRoot, "containers", one, "state.json"));
  for (const file of states)
    await eventually("its state", async () => (await Bun.file(file).text()).includes('"running"'));
  await engine.kill();
  for (const file of states) {
    const state = await Bun.file(file).json();
    process.kill(state.Shim.Pid, "SIGKILL");
    // A number that another process has by now: it must not be touched.
    await writeFile(
      file,
      JSON.stringify({
        ...state,
        Pid: process.pid,
        Shim: { ...state.Shim, Pid: process.pid, Boot: "before" },
      }),
    );
  }
  await rm(engine.execRoot, { recursive: true });
  await mkdir(engine.execRoot);
  await engine.start();
  expect(await stateOf(engine, id)).toEqual(["exited", "255"]);
  expect(await engine.output("docker", ["inspect", "-f", "{{.State.Error}}", id])).toContain(
    "the host was started anew",
  );
  await eventually("its restart", async () => (await stateOf(engine, always))[0] === "running");
  await engine.output("docker", ["start", id]);
});
