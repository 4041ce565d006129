/** Containers of the native runtime for tests: made from busybox, run to their ends or until they are stopped. */

import { AT, check, closeFd, exited, O, reap, sendSignal, sys } from "../kernel/mod.ts";
import type { Process, RuntimeConfig } from "../spec/oci_runtime.ts";
import {
  dockerConfig,
  dockerProcess,
  type Outcome,
  runToEnd,
  type TestBundles,
  testBundles,
} from "./_test_bundle.ts";
import { native } from "./native.ts";
import { type Running, RuntimeError } from "./runtime.ts";

/** What a test's configuration has other than Docker's. */
export interface Change {
  process?: Partial<Process>;
  mounts?: RuntimeConfig["mounts"];
  linux?: Partial<RuntimeConfig["linux"]>;
  readonly?: boolean;
  /** Further fields of the configuration itself. */
  more?: Partial<RuntimeConfig>;
}

export interface TestContainers extends Disposable {
  readonly bundles: TestBundles;
  /** An ID that no other test has. */
  newId(): string;
  run(args: readonly string[], change?: Change): Promise<Outcome>;
  /** What a shell's script writes. */
  sh(script: string, change?: Change): Promise<string>;
  /** Why a container did not start. */
  failure(args: readonly string[], change?: Change): Promise<RuntimeError>;
  /** Starts one that goes on, with /dev/null for its streams or a terminal. */
  start(
    args: readonly string[],
    terminal?: { columns: number; rows: number },
    change?: Change,
  ): Promise<Running>;
}

let count = 0;

export function testContainers(): TestContainers {
  const bundles = testBundles();
  const newId = (): string => `native-${process.pid}-${count++}`;
  const bundleOf = (args: readonly string[], change: Change = {}): { id: string; bundle: string } => {
    const config = dockerConfig(bundles.root, dockerProcess(args, change.process));
    const id = newId();
    const bundle = bundles.write(id, {
      ...config,
      root: { path: "../rootfs", readonly: change.readonly ?? false },
      mounts: [...config.mounts, ...(change.mounts ?? [])],
      linux: { ...config.linux, ...change.linux },
      ...change.more,
    });
    return { id, bundle };
  };
  const run = (args: readonly string[], change?: Change) => runToEnd(native, bundleOf(args, change));
  return {
    bundles,
    newId,
    run,
    sh: async (script, change) => (await run(["sh", "-c", script], change)).output,
    async failure(args, change) {
      const started = await run(args, change).catch((error: unknown) => error);
      if (started instanceof RuntimeError) return started;
      throw new Error(`it did not fail: ${JSON.stringify(started)}`);
    },
    start: (args, terminal, change) => start(bundleOf(args, change), terminal),
    [Symbol.dispose]: () => bundles[Symbol.dispose](),
  };
}

async function start(
  bundle: { id: string; bundle: string },
  terminal?: { columns: number; rows: number },
): Promise<Running> {
  const nowhere = check(sys("openat", AT.FDCWD, "/dev/null", O.RDWR | O.CLOEXEC), "open /dev/null");
  const streams = { stdin: nowhere, stdout: nowhere, stderr: nowhere };
  try {
    return await native.run(bundle, terminal === undefined ? streams : { terminal });
  } finally {
    closeFd(nowhere);
  }
}

export async function stop(running: Running): Promise<void> {
  sendSignal(running.pidfd, 9);
  await exited(running.pidfd);
  reap(running.pid);
  closeFd(running.pidfd);
  await native.remove(running);
}
