import { describe, expect, test } from "bun:test";
import { HEALTH_ON_FAILURE, type HealthLogEntry, type HealthState } from "../../spec/docker.ts";
import {
  checkHealthcheck,
  healthAfter,
  healthAtStart,
  healthTimes,
  mergeHealthcheck,
  onFailure,
  probeCommand,
  shownHealth,
  untilNextProbe,
} from "./health.ts";

function result(ExitCode: number): HealthLogEntry {
  return { Start: "s", End: "e", ExitCode, Output: "" };
}

const times = { retries: 3, startPeriod: 0, sinceStart: 0 };

/** The statuses and streaks that follow from exit codes, one after the other. */
function course(exitCodes: number[], how: Partial<typeof times> = {}): string[] {
  let health = healthAtStart(undefined);
  return exitCodes.map((code) => {
    health = healthAfter(health, result(code), { ...times, ...how });
    return `${health.Status} ${health.FailingStreak}`;
  });
}

describe("the status", () => {
  test("is starting until a probe succeeds or too many fail", () => {
    expect(course([1, 1, 1, 1])).toEqual(["starting 1", "starting 2", "unhealthy 3", "unhealthy 4"]);
    expect(course([1, 0, 1, 1, 1])).toEqual([
      "starting 1",
      "healthy 0",
      "healthy 1",
      "healthy 2",
      "unhealthy 3",
    ]);
  });

  test("comes back to healthy with one success", () => {
    expect(course([1, 1, 1, 0])).toEqual(["starting 1", "starting 2", "unhealthy 3", "healthy 0"]);
  });

  test("takes no failure into account in the start period, until a probe has succeeded", () => {
    const young = { startPeriod: 1000, sinceStart: 999, retries: 1 };
    expect(course([1, -1], young)).toEqual(["starting 0", "starting 0"]);
    expect(course([0, 1], young)).toEqual(["healthy 0", "unhealthy 1"]);
    expect(course([1], { ...young, sinceStart: 1000 })).toEqual(["unhealthy 1"]);
  });

  test("takes a probe that could not be run for a failure", () => {
    expect(course([-1, 126], { retries: 2 })).toEqual(["starting 1", "unhealthy 2"]);
  });
});

test("the last five results are kept, also over a start", () => {
  let health: HealthState = healthAtStart(undefined);
  for (const code of [1, 2, 3, 4, 5, 6]) health = healthAfter(health, result(code), times);
  expect(health.Log.map(({ ExitCode }) => ExitCode)).toEqual([2, 3, 4, 5, 6]);
  expect(healthAtStart(health)).toEqual({ Status: "starting", FailingStreak: 0, Log: health.Log });
});

test("probes follow each other by the start interval only while it starts and the start period lasts", () => {
  const all = healthTimes({ Interval: 7e9, StartPeriod: 10e9, StartInterval: 1e9 });
  const starting = healthAtStart(undefined);
  expect(untilNextProbe(starting, all, 9999)).toBe(1000);
  expect(untilNextProbe(starting, all, 10_000)).toBe(7000);
  expect(untilNextProbe({ ...starting, Status: "healthy" }, all, 0)).toBe(7000);
});

test("times that are not set are Docker's, and none is longer than a timer can be", () => {
  expect(healthTimes({ Interval: 0 })).toEqual({
    interval: 30_000,
    timeout: 30_000,
    startPeriod: 0,
    startInterval: 5000,
    retries: 3,
  });
  expect(healthTimes({ Interval: 1e18 }).interval).toBe(2 ** 31 - 1);
});

test("a probe is the command of CMD, or the shell's of CMD-SHELL, and nothing else", () => {
  const command = (Test: string[], Shell?: string[]) =>
    probeCommand({ Healthcheck: { Test }, ...(Shell && { Shell }) });
  expect(command(["CMD", "a", "b"])).toEqual(["a", "b"]);
  expect(command(["CMD-SHELL", "a b"])).toEqual(["/bin/sh", "-c", "a b"]);
  expect(command(["CMD-SHELL", "a b"], ["/bin/bash", "-ec"])).toEqual(["/bin/bash", "-ec", "a b"]);
  for (const test of [[], ["NONE"], ["CMD"], ["OTHER", "x"]]) expect(command(test)).toBeUndefined();
  expect(probeCommand({})).toBeUndefined();
});

test("a request inherits from the image what it leaves out, and NONE takes the probe away", () => {
  const image = { Test: ["CMD", "x"], Interval: 5, Retries: 7 };
  expect(mergeHealthcheck(undefined, image)).toEqual(image);
  expect(mergeHealthcheck({ Test: [], Interval: 9, Retries: 0 }, image)).toEqual({ ...image, Interval: 9 });
  expect(mergeHealthcheck({ Test: ["NONE"] }, image)?.Test).toEqual(["NONE"]);
  expect(mergeHealthcheck({ Interval: 9 }, undefined)).toEqual({ Interval: 9 });
});

test("what does not run is shown as unhealthy, as in Docker", () => {
  const Health: HealthState = { Status: "healthy", FailingStreak: 0, Log: [] };
  expect(shownHealth({ Status: "running", Health })?.Status).toBe("healthy");
  expect(shownHealth({ Status: "exited", Health })?.Status).toBe("unhealthy");
  expect(shownHealth({ Status: "exited" })).toBeUndefined();
});

test("times too short, negative retries and unknown actions are refused", () => {
  expect(() => checkHealthcheck({ StartInterval: 999_999 })).toThrow(
    "StartInterval in Healthcheck cannot be less than 1ms",
  );
  expect(() => checkHealthcheck({ Timeout: -1 })).toThrow("Timeout in Healthcheck cannot be less than 1ms");
  expect(() => checkHealthcheck({ Retries: -1 })).toThrow("Retries in Healthcheck cannot be negative");
  expect(() => onFailure({ [HEALTH_ON_FAILURE]: "reboot" })).toThrow("one of none, kill, restart and stop");
  expect(onFailure({ [HEALTH_ON_FAILURE]: "stop" })).toBe("stop");
  expect(onFailure(undefined)).toBe("none");
});
