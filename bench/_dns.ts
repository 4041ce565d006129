/**
 * Names: how many answers a second one container gets from 127.0.0.11, and how long it waits for one.
 *
 * The load is a small C program that the bench compiles, run in the container's network namespace: what is measured is the resolver.
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Engine, run, startDocker, startFathom } from "../test/harness/mod.ts";
import type { Table } from "./_report.ts";

const SECONDS = 2;
/** One question at a time, and as many as a busy server has under way. */
const WINDOWS = [1, 16];

interface Load {
  answers: number;
  median: number;
  p99: number;
  lost: number;
}

/** Each with Docker's as the first row. */
export async function dnsTables(rounds: number): Promise<Table[]> {
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "fathom-bench-dns-"));
  stack.defer(() => rm(directory, { recursive: true }));
  const load = join(directory, "load");
  const source = join(import.meta.dir, "_dns_load.c");
  const { status, stderr } = await run(["gcc", "-O2", "-o", load, source]);
  if (status !== 0) throw new Error(`the load cannot be compiled: ${stderr}`);
  const engines: [string, Engine][] = [
    ["dockerd", stack.use(await startDocker())],
    ["fathom", stack.use(await startFathom())],
  ];
  const asking = await Promise.all(
    engines.map(async ([name, engine]) => ({ name, pid: await startPair(engine, stack) })),
  );
  const tables: Table[] = [];
  for (const window of WINDOWS) {
    const rows: Table["rows"] = [];
    for (const { name, pid } of asking) rows.push(rowOf(name, await middleOf(load, { pid, window, rounds })));
    tables.push({ title: `answers of 127.0.0.11, ${window} asked for at a time`, unit: "/s", rows });
  }
  return tables;
}

/** Two containers on a network; gives the process of the one that asks. */
async function startPair(engine: Engine, stack: AsyncDisposableStack): Promise<number> {
  await engine.output("docker", ["network", "create", "names"]);
  stack.defer(async () => void (await engine.output("docker", ["network", "rm", "names"])));
  const sleep = ["--network", "names", "busybox", "sleep", "1000"];
  await engine.output("docker", ["run", "-d", "--name", "target", ...sleep]);
  await engine.output("docker", ["run", "-d", "--name", "asker", ...sleep]);
  stack.defer(async () => void (await engine.output("docker", ["rm", "-f", "target", "asker"])));
  return Number(await engine.output("docker", ["inspect", "-f", "{{.State.Pid}}", "asker"]));
}

/** Of several rounds the one with the median number of answers. */
async function middleOf(
  load: string,
  { pid, window, rounds }: { pid: number; window: number; rounds: number },
): Promise<Load> {
  const loads: Load[] = [];
  for (let round = 0; round < Math.min(rounds, 5); round++) {
    const command = ["nsenter", `--net=/proc/${pid}/ns/net`, load, "target", `${SECONDS}`, `${window}`];
    const { stdout, stderr, status } = await run(command);
    const [answers = 0, median = 0, p99 = 0, lost = 0] = stdout.trim().split(" ").map(Number);
    if (status !== 0) throw new Error(`the load has failed (${status}): ${stderr}`);
    loads.push({ answers, median, p99, lost });
  }
  const sorted = loads.toSorted((a, b) => a.answers - b.answers);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (middle === undefined) throw new Error("there was no round");
  return middle;
}

function rowOf(name: string, { answers, median, p99, lost }: Load): Table["rows"][number] {
  const more = `median ${(median / 1000).toFixed(3)} ms, 99th percentile ${(p99 / 1000).toFixed(3)} ms, ${lost} lost`;
  return { name, value: answers, more };
}
