/** Commands that stay for as long as a program runs: `run` and `exec`. */

import { readFile } from "node:fs/promises";
import { constants } from "node:os";
import { exited, reap, sendSignal } from "../../kernel/mod.ts";
import type { Process } from "../../spec/oci_runtime.ts";
import { FathomError } from "../../std/errors.ts";
import { configOf } from "../bundle.ts";
import { native } from "../native.ts";
import type { Started } from "../runtime.ts";
import type { Words } from "./arguments.ts";
import { create, handOver, type Making, remove, runningOf, start, streamsFor } from "./life.ts";
import { idOf, makingOf } from "./options.ts";
import * as store from "./store.ts";

interface Running extends Making {
  bundle: string;
  /** Does not wait for its end. */
  detach: boolean;
  /** Leaves what is known of it when it has ended. */
  keep: boolean;
}

/** Creates a container and starts it. Gives the exit status of its program, or 128 + the signal that ended it. */
export async function run(root: string, id: string, { detach, keep, ...making }: Running): Promise<number> {
  const created = await create(root, id, making);
  // Before it can tell anybody that it runs.
  using _ = passSignals(created.pidfd);
  try {
    await start(root, id);
    if (detach) return 0;
    const status = await endOf(created);
    if (!keep) await remove(root, id, { force: true });
    return status;
  } catch (error) {
    await remove(root, id, { force: true });
    throw error;
  }
}

/** Runs a further program in a container, with a whole description of its process or with what its own has. */
export async function execute(root: string, read: Words): Promise<number> {
  const { options } = read;
  const [id = idOf(read), ...args] = read.rest;
  const making = makingOf(read);
  if ((making.preserved ?? 0) > 0)
    throw new FathomError("unsupported", "--preserve-fds is for create and run: leave it out");
  const running = runningOf(root, await store.noted(root, id));
  const own = configOf(running.container).process;
  const process: Process =
    options.process === undefined
      ? { ...own, args, terminal: "tty" in options, ...(options.cwd && { cwd: options.cwd }) }
      : JSON.parse(await readFile(options.process, "utf8"));
  const whole = { ...process, env: process.env ?? [], cwd: process.cwd || "/" };
  const started = await native.exec(running, whole, streamsFor(whole, making));
  await handOver(started, making);
  if ("detach" in options) return 0;
  using _ = passSignals(started.pidfd);
  return await endOf(started);
}

/** Signals that somebody at a terminal, or who supervises this process, means for the program. */
const PASSED = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2"] as const;

function passSignals(pidfd: number): Disposable {
  const stack = new DisposableStack();
  for (const name of PASSED) {
    const pass = (): void => void sendSignal(pidfd, constants.signals[name]);
    process.on(name, pass);
    stack.defer(() => process.off(name, pass));
  }
  return stack;
}

async function endOf({ pid, pidfd }: Started): Promise<number> {
  await exited(pidfd);
  const ending = reap(pid);
  if (ending === undefined) return 0;
  return "signal" in ending ? 128 + ending.signal : ending.exitCode;
}
