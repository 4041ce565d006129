/**
 * One bundle, three runtimes: this engine's own from a process that is already there, as its shim is; crun and runc as the
 * programs they are. Prints one line of JSON. Started by run.ts in a mount namespace in which crun accepts the host's cgroups.
 */

import { closeSync, openSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { exited, reap, recording } from "../src/kernel/mod.ts";
import { runtimeFor } from "../src/runtime/mod.ts";
import { busyboxArchive, run } from "../test/harness/mod.ts";
import { type Case, measure } from "./_measure.ts";

const rounds = Number(process.argv[2] ?? 15);
const bundle = await mkdtemp("/tmp/fathom-bench-bundle-");
try {
  await makeBundle();
  const nothing = openSync("/dev/null", "r+");
  const runtime = await runtimeFor("native");
  const stdio = { stdin: nothing, stdout: nothing, stderr: nothing };
  let count = 0;
  const own = async () => {
    const running = await runtime.run({ id: `fathom-bench-${process.pid}-${++count}`, bundle }, stdio);
    await exited(running.pidfd);
    reap(running.pid);
    await runtime.remove(running);
    closeSync(running.pidfd);
    return undefined;
  };
  const cases: Case[] = [
    { name: "fathom", once: own },
    { name: "fathom with a receipt", once: () => recorded(own) },
    ...["crun", "runc"].map((program) => ({ name: program, once: () => other(program, ++count) })),
  ];
  console.log(JSON.stringify(await measure(cases, rounds)));
} finally {
  await rm(bundle, { recursive: true });
}

/** As in production: steps gather in memory, and are encoded once. */
async function recorded(work: () => Promise<undefined>): Promise<undefined> {
  const steps: unknown[] = [];
  await recording("shim", (step) => steps.push(step), work);
  steps.map((step) => JSON.stringify(step));
  return undefined;
}

async function other(program: string, count: number): Promise<undefined> {
  const child = Bun.spawn([program, "run", "-b", bundle, `fathom-bench-${process.pid}-${count}`], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const [status, stderr] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${stderr}`);
  return undefined;
}

async function makeBundle(): Promise<void> {
  const rootfs = join(bundle, "rootfs");
  await run(["mkdir", rootfs]);
  await run(["tar", "-x", "-C", rootfs], { input: await busyboxArchive() });
  await run(["runc", "spec"], { cwd: bundle });
  const file = Bun.file(join(bundle, "config.json"));
  const config = await file.json();
  config.process.args = ["/bin/true"];
  config.process.terminal = false;
  config.root.readonly = false;
  await Bun.write(file, JSON.stringify(config));
}
