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
    () => warmUp(new AbortController().signal),
  );
  expect(steps).toEqual([]);
  expect(mounts()).toEqual(before.mounts);
  // Bun lets go of the duplicate of a descriptor it has watched some milliseconds later.
  for (let waited = 0; waited < 100 && openDescriptors() > before.descriptors; waited++) await Bun.sleep(10);
  expect(openDescriptors()).toBe(before.descriptors);
});

/** Processor time of this process, in microseconds: what warming up takes while it waits is nobody's. */
function busy(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

test("warming up ends early when it is aborted", async () => {
  await warmUp(AbortSignal.abort());
  const started = busy();
  await warmUp(AbortSignal.abort());
  const aborted = busy() - started;
  const again = busy();
  await warmUp(new AbortController().signal);
  expect(aborted).toBeLessThan(busy() - again);
});
