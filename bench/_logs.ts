/**
 * Output: how fast a container's lines get into its log, what that takes of memory, and how fast they are found there again.
 *
 *     node_modules/.bin/bun --no-env-file --config=/dev/null bench/_logs.ts [rounds]
 */

import { type Engine, startDocker, startFathom } from "../test/harness/mod.ts";
import { type Case, measure } from "./_measure.ts";
import { parentOf, privateDirty } from "./_memory.ts";
import { rowOf, type Table, tableText } from "./_report.ts";

const LINE = "x".repeat(99);
const MEGABYTES = 200;
const MANY_MEGABYTES = 1000;
const LINES_ALONE = 500_000;
/** As much as a container writes: neither engine rotates. */
const WHOLE = ["--log-opt", "max-size=4g", "--log-opt", "max-file=1"];

/** One program, so that what it takes of the processors hides as little as can be. */
const byThePage = (megabytes: number) =>
  `awk 'BEGIN { while (i++ < 40) page = page "${LINE}\\n"; while (n++ < ${megabytes * 250}) printf "%s", page }'`;
const byTheLine = `awk 'BEGIN { while (i++ < ${LINES_ALONE}) { print "${LINE}"; fflush() } }'`;

/** Each with Docker's as the first row. */
export async function logTables(rounds: number): Promise<Table[]> {
  await using docker = await startDocker();
  await using fathom = await startFathom();
  const engines: [string, Engine][] = [
    ["dockerd", docker],
    ["fathom", fathom],
  ];
  const writing = async (title: string, script: string): Promise<Table> => {
    const cases = engines.map(([name, engine]): Case => ({ name, once: () => timeToWrite(engine, script) }));
    return { title, unit: "ms", rows: (await measure(cases, rounds, { warmUp: 1 })).map(rowOf) };
  };
  return [
    await writing(`${MEGABYTES} MB of 100-byte lines, written by the page`, byThePage(MEGABYTES)),
    await writing(`${LINES_ALONE} lines of 100 bytes, written one by one`, byTheLine),
    ...(await gigabyte(engines)),
  ];
}

async function timeToWrite(engine: Engine, script: string): Promise<number> {
  const id = await engine.output("docker", [
    "create",
    "--network",
    "none",
    ...WHOLE,
    "busybox",
    "sh",
    "-c",
    script,
  ]);
  const from = performance.now();
  await engine.output("docker", ["start", id]);
  await engine.output("docker", ["wait", id]);
  const took = performance.now() - from;
  await engine.output("docker", ["rm", id]);
  return took;
}

/** One large log: writing it, the memory of who does, and reading its end by time. */
async function gigabyte(engines: [string, Engine][]): Promise<Table[]> {
  const [writing, reading]: Table["rows"][] = [[], []];
  for (const [name, engine] of engines) {
    const script = byThePage(MANY_MEGABYTES);
    const from = performance.now();
    const id = await engine.output("docker", [
      "run",
      "-d",
      "--network",
      "none",
      ...WHOLE,
      "busybox",
      "sh",
      "-c",
      script,
    ]);
    const pid = Number(await engine.output("docker", ["inspect", "-f", "{{.State.Pid}}", id]));
    const writers = name === "fathom" ? [await parentOf(pid), engine.pid] : [engine.pid];
    const ended = engine.command("docker", ["wait", id], { timeout: 300_000 });
    const memory = await peak(writers, ended);
    writing?.push({
      name,
      value: performance.now() - from,
      more: `at most ${memory} kB private and dirty, daemon and shim`,
    });
    const lines = await engine.output("docker", ["logs", "-t", "--tail", "100", id]);
    const since = lines.split(" ")[0] ?? "";
    const begun = performance.now();
    await engine.command("docker", ["logs", "--since", since, id], { timeout: 300_000 });
    reading?.push({ name, value: performance.now() - begun, more: "one go" });
    await engine.output("docker", ["rm", id]);
  }
  return [
    { title: `${MANY_MEGABYTES} MB of 100-byte lines, once`, unit: "ms", rows: writing ?? [] },
    { title: `\`logs --since\` of the end of those`, unit: "ms", rows: reading ?? [] },
  ];
}

/** The most memory that processes have together until something settles, in kB. */
async function peak(pids: readonly number[], until: Promise<unknown>): Promise<number> {
  let settled = false;
  void until.finally(() => {
    settled = true;
  });
  let most = 0;
  while (!settled) {
    const sizes = await Promise.all(pids.map((pid) => privateDirty(pid).catch(() => 0)));
    most = Math.max(
      most,
      sizes.reduce((sum, size) => sum + size, 0),
    );
    await Bun.sleep(200);
  }
  await until;
  return most;
}

if (import.meta.main) {
  const tables = await logTables(Number(process.argv[2] ?? 5));
  console.log(tables.flatMap(tableText).join("\n"));
}
