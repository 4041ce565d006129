/**
 * Registries: how fast an image of many files comes from one on loopback, and goes to another that has nothing of it.
 *
 *     node_modules/.bin/bun --no-env-file --config=/dev/null bench/_registry.ts [rounds]
 */

import { readFile } from "node:fs/promises";
import { type Engine, startDocker, startFathom, startRegistry } from "../test/harness/mod.ts";
import { type Case, measure } from "./_measure.ts";
import { FILES_A_LAYER, LAYERS, publish } from "./_published.ts";
import { rowOf, type Table, tableText } from "./_report.ts";

const NAME = "measured";
const LIMIT = { timeout: 120_000 };

interface Measuring {
  label: string;
  engine: Engine;
}

/** Each with Docker's as the first row. */
export async function registryTables(rounds: number): Promise<Table[]> {
  await using registry = await startRegistry();
  await using docker = await startDocker();
  await using fathom = await startFathom({ bare: true });
  const engines: Measuring[] = [
    { label: "dockerd", engine: docker },
    { label: "fathom", engine: fathom },
  ];
  const images = Array.from({ length: rounds + 1 }, (_, index) => `${registry.host}/${NAME}:${index}`);
  for (const index of images.keys()) await publish(registry.host, [NAME, String(index)]);
  const what = `an image of ${LAYERS} layers with ${LAYERS * FILES_A_LAYER} files`;
  return [
    ...(await pulls(engines, images, what)),
    {
      title: `push of ${what} to an empty registry`,
      unit: "ms",
      rows: await measured(engines, rounds, ({ engine }) => timeToPush(engine, images[0] ?? "")),
    },
    {
      title: "the most memory that the daemon had resident meanwhile",
      unit: "kB",
      rows: await Promise.all(
        engines.map(async ({ label, engine }) => ({ name: label, value: await peakMemory(engine.pid) })),
      ),
    },
  ];
}

/** Each round another image that nobody has had; then one that was removed a moment ago. */
async function pulls(engines: Measuring[], images: string[], what: string): Promise<Table[]> {
  const rounds = images.length - 1;
  const spent = new Map(engines.map(({ label }) => [label, 0]));
  const next = new Map(engines.map(({ label }) => [label, images.values()]));
  const first = await measured(engines, rounds, async ({ label, engine }) => {
    const before = await processorTime(engine.pid);
    const took = await timeToPull(engine, next.get(label)?.next().value ?? "");
    spent.set(label, (spent.get(label) ?? 0) + (await processorTime(engine.pid)) - before);
    return took;
  });
  const again = await measured(engines, rounds, async ({ engine }) => {
    await engine.output("docker", ["rmi", "-f", images[0] ?? ""], LIMIT);
    return timeToPull(engine, images[0] ?? "");
  });
  const processor = engines.map(({ label }) => ({
    name: label,
    value: (spent.get(label) ?? 0) / images.length,
  }));
  return [
    { title: `pull of ${what} from loopback`, unit: "ms", rows: first },
    {
      title: "the processor's time that the daemon took for it, with its children",
      unit: "ms",
      rows: processor,
    },
    { title: `pull of ${what} that was removed a moment ago`, unit: "ms", rows: again },
  ];
}

async function measured(
  engines: Measuring[],
  rounds: number,
  once: (one: Measuring) => Promise<number>,
): Promise<Table["rows"]> {
  const cases = engines.map((one): Case => ({ name: one.label, once: () => once(one) }));
  return (await measure(cases, rounds, { warmUp: 1 })).map(rowOf);
}

async function timeToPull(engine: Engine, image: string): Promise<number> {
  const from = performance.now();
  await engine.output("docker", ["pull", "-q", image], LIMIT);
  return performance.now() - from;
}

async function timeToPush(engine: Engine, image: string): Promise<number> {
  await using empty = await startRegistry();
  const target = `${empty.host}/${NAME}:pushed`;
  await engine.output("docker", ["tag", image, target]);
  const from = performance.now();
  await engine.output("docker", ["push", "-q", target], LIMIT);
  const took = performance.now() - from;
  await engine.output("docker", ["rmi", target]);
  return took;
}

/** kB, proc(5): VmHWM. */
async function peakMemory(pid: number): Promise<number> {
  return Number(/^VmHWM:\s*(\d+)/m.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1]);
}

/** Milliseconds, its own and those of children that have ended; proc(5): utime to cstime, in hundredths of a second. */
async function processorTime(pid: number): Promise<number> {
  const behindName = (await readFile(`/proc/${pid}/stat`, "utf8")).split(") ")[1]?.split(" ") ?? [];
  return 10 * behindName.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0);
}

if (import.meta.main) {
  const tables = await registryTables(Number(process.argv[2] ?? 3));
  console.log(tables.flatMap(tableText).join("\n"));
}
