/** Files in and out of containers whose users are others on the host: whoever looks from inside sees the owners that were meant. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Engine, run, startFathom } from "../harness/mod.ts";

let engine: Engine;
beforeAll(async () => {
  const args = ["--userns-remap", "daemon"];
  engine = await startFathom({ args, subordinateIds: "daemon:200000:65536\n" });
});
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
});

const docker = (...args: string[]) => engine.output("docker", args);
const NONE = ["--network", "none"];

test("cp, diff, export and commit speak of the container's users", async () => {
  const id = await docker("create", ...NONE, "busybox", "sleep", "600");
  await writeFile(join(engine.root, "file"), "x");
  await run(["chown", "7:8", join(engine.root, "file")]);
  await docker("cp", join(engine.root, "file"), `${id}:/stopped`);
  await docker("start", id);
  await docker("cp", join(engine.root, "file"), `${id}:/running`);
  expect(await docker("exec", id, "stat", "-c", "%u:%g", "/stopped", "/running")).toBe("7:8\n7:8");
  expect(await stat(join(engine.dataRoot, "containers", id, "rw", "stopped"))).toMatchObject({
    uid: 200_007,
    gid: 200_008,
  });
  await docker("exec", id, "chmod", "600", "/etc/passwd");
  await docker("exec", id, "chmod", "644", "/etc/passwd");
  const changes = await docker("diff", id);
  expect(changes.split("\n")).toEqual(["A /running", "A /stopped"]);
  await docker("export", "-o", join(engine.root, "root.tar"), id);
  const listed = await run([
    "tar",
    "--numeric-owner",
    "-tvf",
    join(engine.root, "root.tar"),
    "running",
    "etc/passwd",
  ]);
  expect(listed.stdout).toMatch(/0\/0 .* etc\/passwd\n.* 7\/8 .* running\n/);
  const image = await docker("commit", id);
  expect(await docker("run", "--rm", ...NONE, image, "stat", "-c", "%u:%g", "/stopped", "/etc/passwd")).toBe(
    "7:8\n0:0",
  );
});
