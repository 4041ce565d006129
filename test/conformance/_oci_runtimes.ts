/**
 * OCI runtimes as the programs they are, all driven by the same commands: this engine's (`fathom runtime`), runc and crun.
 *
 * Their commands run in a mount namespace that ends with the tests, so that whatever one of them leaves mounted goes with it. In crun's
 * the version 2 hierarchy of a hybrid host is not mounted: crun refuses a host that has controllers on both versions.
 */

import { readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { FATHOM, type Result, run } from "../harness/mod.ts";

export type RuntimeName = "fathom" | "runc" | "crun";

export interface OciRuntime {
  name: RuntimeName;
  version: string;
  /** A process in the namespaces in which the runtime's commands run. */
  host: number;
  /** Runs one command; what a container writes goes to the file `output`, where one is named. */
  command(words: readonly string[], output?: string): Promise<Result>;
}

export interface Runtimes extends AsyncDisposable {
  directory: string;
  runtimes: OciRuntime[];
}

const PROGRAMS: Record<RuntimeName, string[]> = {
  fathom: [FATHOM, "runtime"],
  runc: ["runc"],
  crun: ["crun"],
};
const UNIFIED = "/sys/fs/cgroup/unified";

/** Those of this host, each with its own state below the directory. */
export async function openRuntimes(directory: string): Promise<Runtimes> {
  await using stack = new AsyncDisposableStack();
  const runtimes: OciRuntime[] = [];
  for (const name of ["fathom", "runc", "crun"] as const) {
    const [program = ""] = PROGRAMS[name];
    if (Bun.which(program) === null) {
      console.log(`${name} is not tested beside the others: it is not installed`);
      continue;
    }
    const host = await holder(name === "crun" && isMounted(UNIFIED) ? `umount -l ${UNIFIED};` : "");
    stack.defer(host.end);
    runtimes.push(await runtimeAt(name, host.pid, join(directory, name)));
  }
  const moved = stack.move();
  return { directory, runtimes, [Symbol.asyncDispose]: () => moved.disposeAsync() };
}

async function runtimeAt(name: RuntimeName, host: number, state: string): Promise<OciRuntime> {
  await mkdir(state, { recursive: true });
  const enter = ["nsenter", "--mount", "--wdns=/", "-t", String(host)];
  const program = [...enter, ...PROGRAMS[name], "--root", state];
  const { stdout } = await run([...PROGRAMS[name], "--version"]);
  return {
    name,
    version: /version:? (\S+)/.exec(stdout)?.[1] ?? "",
    host,
    async command(words, output) {
      const whole = [...program, ...words];
      if (output === undefined) return run(whole);
      // A container would hold pipes of this process open.
      const ended = await run(["sh", "-c", 'exec "$@" < /dev/null >> "$0" 2>&1', output, ...whole]);
      return ended.status === 0 ? ended : { ...ended, stderr: readFileSync(output, "utf8") };
    },
  };
}

/** A process in a mount namespace of its own, changed by a shell's words. */
async function holder(change: string): Promise<{ pid: number; end: () => Promise<void> }> {
  const script = `${change} echo ready; exec sleep infinity`;
  const child = Bun.spawn(["unshare", "--mount", "sh", "-c", script], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
  });
  const end = async (): Promise<void> => {
    child.kill("SIGKILL");
    await child.exited;
  };
  for await (const _ of child.stdout) return { pid: child.pid, end };
  throw new Error("no mount namespace can be made here");
}

function isMounted(path: string): boolean {
  return readFileSync("/proc/self/mountinfo", "utf8").includes(` ${path} `);
}
