import { describe, expect, test } from "bun:test";
import { type Backoff, FIRST_DELAY, restartDelay, startsWithEngine } from "./restart_policy.ts";

const policy = (Name: string, MaximumRetryCount = 0) => ({ Name, MaximumRetryCount });
const END = { exitCode: 1, duration: 10, stopped: false };

function delays(name: string, ends: Partial<typeof END>[], retries = 0): (number | undefined)[] {
  const backoff: Backoff = { delay: FIRST_DELAY, failures: 0 };
  return ends.map((end) => restartDelay(policy(name, retries), backoff, { ...END, ...end }));
}

describe("the delay before a restart", () => {
  test("doubles from 100 ms to a minute", () => {
    const all = delays(
      "always",
      Array.from({ length: 12 }, () => ({})),
    );
    expect(all).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000]);
  });
  test("is the first again after a run of ten seconds", () => {
    expect(delays("always", [{}, {}, { duration: 10_000 }, {}])).toEqual([100, 200, 100, 200]);
  });
});

describe("a restart", () => {
  test("comes never, always, or after a failure, as the policy says", () => {
    expect(delays("no", [{}])).toEqual([undefined]);
    expect(delays("always", [{ exitCode: 0 }])).toEqual([100]);
    expect(delays("unless-stopped", [{ exitCode: 0 }])).toEqual([100]);
    expect(delays("on-failure", [{ exitCode: 0 }, {}])).toEqual([undefined, 100]);
  });
  test("comes as often as the policy says, successes not counted", () => {
    expect(delays("on-failure", [{}, {}, {}], 2)).toEqual([100, 200, undefined]);
  });
  test("does not come after a stop", () =>
    expect(delays("always", [{ stopped: true }])).toEqual([undefined]));
});

test.each([
  ["always", { ManuallyStopped: true }, true],
  ["unless-stopped", { ManuallyStopped: true }, false],
  ["unless-stopped", {}, true],
  ["on-failure", {}, true],
  ["on-failure", { ExitCode: 0 }, false],
  ["on-failure", { RestartCount: 3 }, false],
  ["always", { hasRun: false }, false],
  ["no", {}, false],
])("with the engine, %s after %j: %p", (name, state, expected) => {
  const before = { ExitCode: 1, RestartCount: 0, ManuallyStopped: false, hasRun: true };
  expect(startsWithEngine(policy(name, 3), { ...before, ...state })).toBe(expected);
});
