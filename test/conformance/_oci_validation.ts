/**
 * The OCI project's validation programs (runtime-tools), replayed on every OCI runtime of this host: what each of them configures and
 * asserts, by the commands that all runtimes have. This engine's passes whatever runc or crun passes, and docs/oci-runtime.md tells
 * how each of the three does.
 */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { run } from "../harness/mod.ts";
import { bundleFor, type Change, type Container, GROUP } from "./_oci_bundle.ts";
import type { Replay } from "./_oci_life.ts";
import { comparePage, type Outcomes } from "./_oci_page.ts";
import { type OciRuntime, openRuntimes, type Runtimes } from "./_oci_runtimes.ts";

let opened: Runtimes;

/** Registers the tests of one part of them, and the one that holds their outcomes against the page. */
export function validate(title: string, replays: readonly Replay[]): void {
  const seen = new Map<string, Outcomes | string>();
  beforeAll(async () => {
    const directory = await mkdtemp("/tmp/fathom-test-validation-");
    await run(["chmod", "711", directory]);
    await copyFile("/bin/busybox", `${directory}/busybox`);
    opened = await openRuntimes(directory);
  });
  afterAll(async () => {
    await opened[Symbol.asyncDispose]();
    await run([
      "find",
      "/sys/fs/cgroup",
      "-depth",
      "-type",
      "d",
      "-path",
      `*${GROUP}*`,
      "-exec",
      "rmdir",
      "{}",
      ";",
    ]);
    await rm(opened.directory, { recursive: true, force: true });
  });

  describe("validation", () => {
    for (const replay of replays)
      test(replay.name, async () => {
        if (replay.lacking !== undefined) {
          console.log(`${replay.name} is not tried: ${replay.lacking}`);
          seen.set(replay.name, replay.lacking);
          return;
        }
        const failures = await Promise.all(
          opened.runtimes.map(async (runtime) => [runtime.name, await judge(replay, runtime)] as const),
        );
        if (process.env.EXPLAIN !== undefined) console.log(replay.name, failures);
        const { fathom, ...others } = Object.fromEntries(failures);
        seen.set(
          replay.name,
          Object.fromEntries(failures.map(([name, failure]) => [name, failure === undefined])),
        );
        if (Object.values(others).includes(undefined)) expect(fathom).toBeUndefined();
      });

    test("the outcomes are those of the page", () => comparePage(title, seen, opened.runtimes));
  });
}

/** Others race with themselves where a machine is busy, and are tried twice. */
async function judge(replay: Replay, runtime: OciRuntime): Promise<string | undefined> {
  const failure = await failureOf(replay, runtime);
  return failure === undefined || runtime.name === "fathom" ? failure : failureOf(replay, runtime);
}

/** Why a replay fails with one runtime; undefined where it passes. Nothing of its containers is left. */
async function failureOf(replay: Replay, runtime: OciRuntime): Promise<string | undefined> {
  const containers: Container[] = [];
  const make = (change?: Change): Container => {
    const container = bundleFor(runtime, opened.directory, change);
    containers.push(container);
    return container;
  };
  try {
    await replay.play(make, runtime);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    for (const { id } of containers) await runtime.command(["delete", "--force", id]);
  }
}
