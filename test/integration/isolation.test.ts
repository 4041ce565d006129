/** `fathom inspect --isolation` tells what the kernel says of a running container, not only what was asked for. */

import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import type { Isolation } from "../../src/spec/isolation.ts";
import { type Engine, startFathom } from "../harness/mod.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await startFathom();
});
afterEach(() => engine.removeContainers());
afterAll(() => engine[Symbol.asyncDispose]());

const start = (...args: string[]) =>
  engine.output("fathom", ["run", "-d", "--network", "none", ...args, "busybox", "sleep", "600"]);
const isolation = async (id: string) =>
  (await engine.request("GET", `/containers/${id}/isolation`)).json as Isolation;

test("a container with the defaults has nothing unusual, and says so last", async () => {
  const id = await start("--name", "plain");
  const text = await engine.output("fathom", ["inspect", "--isolation", "plain"]);
  expect(text).toMatch(new RegExp(`^plain \\(${id.slice(0, 12)}\\) runs as process \\d+\n`));
  expect(text).toContain("CHOWN");
  expect(text).toEndWith("Nothing is unusual about it: it is isolated as containers are by default.");
  expect(text.split("\n").every((line) => line.length <= 100)).toBeTrue();
});

test("what a container has more or less is told, with whom it shares", async () => {
  await start("--name", "donor");
  const flags = [
    "--pid",
    "host",
    "--ipc",
    "none",
    "--cap-add",
    "NET_ADMIN",
    "--cap-drop",
    "MKNOD",
    "-v",
    "/etc:/e",
  ];
  const id = await engine.output("fathom", [
    ...["run", "-d", "--network", "container:donor", "--security-opt", "seccomp=unconfined"],
    ...["--security-opt", "no-new-privileges", ...flags, "busybox", "sleep", "600"],
  ]);
  expect((await isolation(id)).Unusual).toEqual([
    "It has the host's processes.",
    "It shares its network with donor.",
    "It may use CAP_NET_ADMIN, which containers are denied by default.",
    "No system call is refused to it: it has no seccomp filter.",
    "It may write to /etc of the host, by way of /e.",
    "It lacks CAP_MKNOD, which containers have by default.",
    "None of its programs can gain privileges, setuid or not.",
  ]);
});

test("one that does not run is told as it would be started, and one that is not there is an error", async () => {
  const id = await engine.output("fathom", ["create", "--network", "none", "--read-only", "busybox", "true"]);
  expect(await isolation(id)).toMatchObject({
    Running: false,
    Pid: 0,
    ReadonlyRootfs: true,
    Unusual: ["Its root file system is read-only."],
  });
  const { status, stderr } = await engine.command("fathom", ["inspect", "--isolation", "nobody"]);
  expect([status, stderr]).toEqual([1, "Error response from daemon: No such container: nobody\n"]);
});
