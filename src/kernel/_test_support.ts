/** What the tests of this folder share: a directory, what is open, and steps. */

import { expect } from "bun:test";
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import type { Step } from "../spec/receipt.ts";
import { codeOf } from "../std/absent.ts";
import { type Call, text, texts } from "./call.ts";
import { recording } from "./receipt.ts";

/** A directory of its own, removed at the end of the scope. */
export function temporaryDirectory(): Disposable & { path: string } {
  const path = mkdtempSync("/tmp/fathom-test-kernel-");
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** What this process has open, but for what the runtime itself opens when it likes. */
export function openDescriptors(): string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      return target.startsWith("anon_inode:[event") || target.startsWith("/proc/") ? [] : [`${fd} ${target}`];
    } catch {
      return [];
    }
  });
}

/** No descriptor is open that was not open before. */
export function noneLeft(before: readonly string[]): Promise<void> {
  return settled(() => openDescriptors().filter((open) => !before.includes(open)), []);
}

/** Waits for `look` to give `expected` again: the runtime closes its duplicate of a descriptor it has watched a little later. */
async function settled<T>(look: () => T, expected: T): Promise<void> {
  for (let tries = 0; tries < 100 && !Bun.deepEquals(look(), expected); tries++) await Bun.sleep(5);
  expect(look()).toEqual(expected);
}

/** What a pipe or a terminal gives until its end; a terminal ends when its last user has closed it (EIO). */
export async function* readStream(fd: number): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* Bun.file(fd).stream();
  } catch (error) {
    if (codeOf(error) !== "EIO") throw error;
  }
}

/** The steps that `work` reports. */
export function stepsOf(work: () => unknown): Step[] {
  const steps: Step[] = [];
  recording("daemon", (step) => steps.push(step()), work);
  return steps;
}

/** The row with which a program ends: becoming a shell that runs `script`. */
export function shell(script: string): Call {
  return {
    call: "execve",
    args: [text("/bin/sh"), texts(["sh", "-c", script]), texts(["PATH=/usr/bin:/bin"])],
  };
}
