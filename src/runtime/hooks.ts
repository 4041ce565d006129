/** Hooks of a bundle, runtime-spec config.md "POSIX-platform Hooks": programs of the host, run with the container's state. */

import { closeFd, owned, pipe, readControlFile, spawnProgram, sys } from "../kernel/mod.ts";
import type { Hook, HookName, RuntimeConfig } from "../spec/oci_runtime.ts";
import { FathomError } from "../std/errors.ts";
import { readBundle } from "./bundle.ts";
import type { Bundle } from "./runtime.ts";

/** Those that are run in the midst of the making of a container, where a table of system calls has no place for a program. */
const IN_THE_MIDST: readonly HookName[] = ["prestart", "createRuntime", "createContainer", "startContainer"];
const SIGKILL = 9;

/** @throws {FathomError} unsupported, for hooks that would not be run. */
export function checkHooks({ hooks }: RuntimeConfig): void {
  const name = IN_THE_MIDST.find((one) => (hooks?.[one]?.length ?? 0) > 0);
  if (name !== undefined)
    throw new FathomError(
      "unsupported",
      `the native runtime has no ${name} hooks: use another one, e.g. --runtime runc`,
    );
}

/**
 * Runs the hooks of one kind, one behind the other, each to its end.
 * @throws {FathomError} internal, when one cannot be run, fails, or takes longer than it may.
 */
export async function runHooks(
  { hooks, ociVersion, annotations = {} }: RuntimeConfig,
  name: HookName,
  { container, status, pid }: { container: Bundle; status: "running" | "stopped"; pid: number },
): Promise<void> {
  const state = { ociVersion, id: container.id, status, pid, bundle: container.bundle, annotations };
  for (const hook of hooks?.[name] ?? []) await runHook(hook, name, JSON.stringify(state));
}

/** Runs the hooks for the end, `poststop`. Nearly no bundle has any, and none is parsed for that. */
export async function runLastHooks(container: Bundle, pid: number): Promise<void> {
  const text = readControlFile(`${container.bundle}/config.json`) ?? "";
  if (!text.includes('"poststop"')) return;
  await runHooks(readBundle(container.bundle), "poststop", { container, status: "stopped", pid });
}

async function runHook(
  { path, args = [path], env = [], timeout }: Hook,
  name: HookName,
  state: string,
): Promise<void> {
  const { read, write } = pipe();
  using input = owned(read);
  const bytes = new TextEncoder().encode(state);
  // It is far smaller than a pipe holds.
  sys("write", write, bytes, bytes.length);
  closeFd(write);
  const program = spawnProgram([path, ...args.slice(1)], {
    stdio: [input.fd, "ignore", "ignore"],
    env: Object.fromEntries(
      env.map((entry) => [entry.split("=", 1)[0] ?? "", entry.slice(entry.indexOf("=") + 1)]),
    ),
    what: `run the ${name} hook ${path}`,
  });
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
