/**
 * Hooks of a bundle, runtime-spec config.md "POSIX-platform Hooks": programs that are run with the container's state on standard input,
 * one behind the other, each to its end. Here those of the host's; gates.ts has those for which the container's process waits.
 */

import { closeFd, owned, pipe, readControlFile, spawnProgram, sys } from "../kernel/mod.ts";
import type { Hook, HookName, RuntimeConfig } from "../spec/oci_runtime.ts";
import { FathomError, messageOf } from "../std/errors.ts";
import { configOf } from "./bundle.ts";
import type { Bundle } from "./runtime.ts";

const SIGKILL = 9;

/** What a hook is told of the container. */
export interface HookState {
  container: Bundle;
  status: "creating" | "created" | "running" | "stopped";
  /** As the hook sees it. */
  pid: number;
}

/** A hook at work. */
export interface HookProcess {
  /** Its exit status, or 128 + the signal that ended it. */
  exited: Promise<number>;
  kill(signal: number): void;
}

/** Starts a hook whose standard input is a descriptor. */
export type StartHook = (hook: Hook, input: number) => HookProcess | Promise<HookProcess>;

/**
 * Runs the hooks of one kind.
 * @throws {FathomError} internal, when one cannot be run, fails, or takes longer than it may.
 */
export async function runHooks(
  { hooks, ociVersion, annotations = {} }: RuntimeConfig,
  name: HookName,
  { state, start = onHost }: { state: HookState; start?: StartHook },
): Promise<void> {
  const { container, status, pid } = state;
  const told = { ociVersion, id: container.id, status, pid, bundle: container.bundle, annotations };
  for (const hook of hooks?.[name] ?? []) await runHook(hook, name, { told: JSON.stringify(told), start });
}

/**
 * Runs the hooks for which it is too late to undo anything. One that fails is warned of, and all goes on as if it had not failed
 * (runtime.md, "Lifecycle").
 */
export async function runLateHooks(
  config: RuntimeConfig,
  name: "poststart" | "poststop",
  state: HookState,
): Promise<void> {
  for (const hook of config.hooks?.[name] ?? [])
    await runHooks({ ...config, hooks: { [name]: [hook] } }, name, { state }).catch((error) =>
      process.emitWarning(messageOf(error), "HookWarning"),
    );
}

/** Runs the hooks for the end, `poststop`. Nearly no bundle has any, and none is parsed for that. */
export async function runLastHooks(container: Bundle, pid: number): Promise<void> {
  const text = readControlFile(`${container.copy ?? container.bundle}/config.json`) ?? "";
  if (!text.includes('"poststop"')) return;
  await runLateHooks(configOf(container), "poststop", { container, status: "stopped", pid });
}

/** Whether there are hooks that a process waits for. */
export function hasGates({ hooks }: RuntimeConfig): boolean {
  const names: readonly HookName[] = ["prestart", "createRuntime", "createContainer", "startContainer"];
  return hooks !== undefined && names.some((name) => (hooks[name]?.length ?? 0) > 0);
}

async function runHook(
  hook: Hook,
  name: HookName,
  { told, start }: { told: string; start: StartHook },
): Promise<void> {
  const { path, timeout } = hook;
  const { read, write } = pipe();
  using input = owned(read);
  const bytes = new TextEncoder().encode(told);
  // It is far smaller than a pipe holds.
  sys("write", write, bytes, bytes.length);
  closeFd(write);
  const program = await start(hook, input.fd);
  let late = false;
  const timer =
    timeout === undefined
      ? undefined
      : setTimeout(() => {
          late = true;
          program.kill(SIGKILL);
        }, timeout * 1000);
  const code = await program.exited;
  clearTimeout(timer);
  if (late) throw new FathomError("internal", `the ${name} hook ${path} took longer than ${timeout} s`);
  if (code !== 0) throw new FathomError("internal", `the ${name} hook ${path} ended with status ${code}`);
}

function onHost({ path, args = [path], env = [] }: Hook, input: number): HookProcess {
  return spawnProgram([path, ...args.slice(1)], {
    stdio: [input, "ignore", "ignore"],
    env: Object.fromEntries(
      env.map((entry) => [entry.split("=", 1)[0] ?? "", entry.slice(entry.indexOf("=") + 1)]),
    ),
    what: `run the hook ${path}`,
  });
}
