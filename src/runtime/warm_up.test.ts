import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { mountpoints, recording } from "../kernel/mod.ts";
import type { Step } from "../spec/receipt.ts";
import { warmUp } from "./mod.ts";

/** Those of this process alone: other tests mount and unmount below /tmp meanwhile. */
const mounts = () =>
  mountpoints()
    .map(({ mountPoint }) => mountPoint)
    .filter((path) => !path.startsWith("/tmp/fathom-test-"));

function openDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

test("warming up has no effect: nothing is mounted, left open or reported", async () => {
  const before = { mounts: mounts(), descriptors: openDescriptors() };
  const steps: Step[] = [];
  await recording(
    "shim",
    (step) => steps.push(step()),
    () => warmUp(),
  );
  expect(steps).toEqual([]);
  expect(mounts()).toEqual(before.mounts);
  // Bun lets go of the duplicate of a descriptor it has watched some milliseconds later.
  for (let waited = 0; waited < 100 && openDescriptors() > before.descriptors; waited++) await Bun.sleep(10);
  expect(openDescriptors()).toBe(before.descriptors);
});

test("warming up ends early when it is aborted", async () => {
  const started = performance.now();
  await warmUp(AbortSignal.abort());
  const aborted = performance.now() - started;
  const again = performance.now();
  await warmUp();
  expect(aborted).toBeLessThan(performance.now() - again);
});
