import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { containerIn, eventually, makeRootfs } from "./_fixtures.ts";
import { shims } from "./client.ts";

const COMMAND = [
  process.execPath,
  "--no-env-file",
  "--config=/dev/null",
  join(import.meta.dir, "_test_patient.ts"),
];

function probe(id: string, more: { restAfter?: boolean } = {}) {
  const process = { user: { uid: 0, gid: 0 }, args: ["/bin/true"], env: ["PATH=/bin"], cwd: "/" };
  return { id, process, openStdin: false, attachments: 0, ...more };
}

test("a shim dozes at once behind an exec that says so, and wakes for the next", async () => {
  const directory = mkdtempSync("/tmp/fathom-test-shim-");
  await using undo = new AsyncDisposableStack();
  undo.defer(() => rmSync(directory, { recursive: true }));
  makeRootfs(directory);
  const pool = await shims({ runDirectory: join(directory, "run"), command: COMMAND });
  undo.defer(() => pool.close());
  const shim = await pool.take();
  await shim.launch(containerIn(directory, "sleep 1000"));
  const dozes = () => readFileSync(`/proc/${shim.pid}/wchan`, "utf8").startsWith("poll_");
  await shim.exec(probe("plain"));
  expect(await shim.execExited("plain")).toBe(0);
  await Bun.sleep(500);
  expect(dozes()).toBeFalse();
  for (const id of ["first", "second"]) {
    await shim.exec(probe(id, { restAfter: true }));
    expect(await shim.execExited(id)).toBe(0);
    expect(await eventually(dozes, 5000)).toBeTrue();
  }
  await shim.signal(9, {});
  expect((await shim.exited).exitCode).toBe(137);
  shim.close();
});
