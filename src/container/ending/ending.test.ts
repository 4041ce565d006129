import { expect, test } from "bun:test";
import { HOST } from "../_fixtures.ts";
import { fillHostConfig } from "../host_config.ts";
import { type ContainerRecord, FRESH_STATE, type StateRecord } from "../records.ts";
import { endingOf } from "./ending.ts";

const MIB = 1 << 20;
const AT = "2026-01-01T00:00:00Z";

function told(state: Partial<StateRecord>, PidMode = ""): string {
  const record = {
    host: fillHostConfig({ PidMode }, HOST, { runtime: "native" }),
    state: { ...FRESH_STATE, Status: "exited", StartedAt: AT, FinishedAt: AT, ...state },
  } as unknown as ContainerRecord;
  return endingOf(record)?.Sentences.join(" ") ?? "";
}

const signal = (Signal: number, more: Partial<StateRecord> = {}) =>
  told({ ExitCode: 128 + Signal, Ending: { Cause: "signal", Signal }, ...more });

test("a container that runs, or never ran, has no end", () => {
  expect(told({ Status: "running" })).toBe("");
  expect(told({ Status: "created", StartedAt: "0001-01-01T00:00:00Z" })).toBe("");
});

test("an exit code of its own is not taken for a signal", () => {
  expect(told({ ExitCode: 137, Ending: { Cause: "program" } })).toContain(
    "ended by itself with exit code 137 (what it ran was ended by SIGKILL, not the program itself)",
  );
  expect(told({ ExitCode: 7, Ending: { Cause: "program" } })).toBe(
    "Its program ended by itself with exit code 7.",
  );
});

test("a signal of this engine is told with its request, and no other", () => {
  const Asked = { Request: "stop", Signal: 9, At: AT };
  expect(signal(9, { Asked })).toContain(
    `at ${AT}, this engine had sent it SIGKILL for a request to stop it (docker stop)`,
  );
  expect(signal(15, { Asked })).toContain("Who sent it is not known");
});

test("where the sender is not known, what is known of it is said", () => {
  expect(signal(9)).toContain(
    "Who sent it is not known: not this engine, and it came from outside of the container",
  );
  expect(told({ ExitCode: 137, Ending: { Cause: "signal", Signal: 9 } }, "host")).toContain(
    "shares the processes of others",
  );
  expect(signal(11)).toContain("for a fault of the program itself");
});

test("memory that ran out is told with whose limit it was", () => {
  const oom = (hits: number) =>
    signal(9, {
      OOMKilled: true,
      Ending: { Cause: "signal", Signal: 9, Memory: { peak: 64 * MIB, limit: 64 * MIB, hits } },
    });
  expect(oom(3)).toContain("The kernel's out-of-memory killer sent it.");
  expect(oom(3)).toContain("its own limit was reached 3 times. It had used 64MiB at most, of 64MiB allowed.");
  expect(oom(0)).toContain(
    "its own limit was never reached: a control group above it, or the host, was out of memory",
  );
});

test("a start that failed and an end that nobody saw are told by their errors", () => {
  expect(told({ ExitCode: 127, Error: "exec: no such file", Ending: { Cause: "not-started" } })).toBe(
    "It could not be started (exit code 127): exec: no such file.",
  );
  expect(told({ ExitCode: 255, Error: "its shim was killed", Ending: { Cause: "lost" } })).toBe(
    "It was lost (exit code 255): its shim was killed.",
  );
});

test("a state that an earlier build wrote says what it can", () => {
  expect(told({ ExitCode: 3 })).toBe("Its program ended by itself with exit code 3.");
});
