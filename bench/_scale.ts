/** Many containers: how fast they start together, what one more costs, what listing them costs, what the daemon holds for them. */

import { type Engine, startDocker, startFathom } from "../test/harness/mod.ts";
import { type Client, timed } from "./_commands.ts";
import { measure } from "./_measure.ts";
import { parentOf, treeMemory } from "./_memory.ts";
import { rowOf, type Table } from "./_report.ts";

const TOGETHER = 100;
const AT_ONCE = 16;
const MANY_RUNNING = 500;
const STOPPED = 1000;
const RUNNING = 200;

const SLEEP = ["--network", "none", "busybox", "sleep", "100000"];
const SLEEPING = ["run", "-d", ...SLEEP];
const CREATED = ["create", "--network", "none", "busybox", "true"];

/** A command line with the engine that it speaks to. */
interface Pair extends Client {
  engine: Engine;
}

/** `client` is our own command line, with which many are started. */
export async function scaleTables(client: Client, rounds: number): Promise<Table[]> {
  return [await startTogether(client), await oneMore(client, rounds), ...(await thousand(client, rounds))];
}

async function startTogether(client: Client): Promise<Table> {
  await using docker = await startDocker();
  await using fathom = await startFathom();
  const rows: Table["rows"] = [];
  for (const pair of pairsOf(client, docker, fathom)) {
    await repeat(AT_ONCE, pair, SLEEPING);
    await pair.engine.removeContainers();
    const from = performance.now();
    await repeat(TOGETHER, pair, SLEEPING);
    rows.push({ name: pair.name, value: (TOGETHER * 1000) / (performance.now() - from), more: "one go" });
    await pair.engine.removeContainers();
  }
  return { title: `${TOGETHER} containers, ${AT_ONCE} at a time: starts a second`, unit: "/s", rows };
}

/** `run -d` beside one running container and beside many; what was started goes again before the next. */
async function oneMore(client: Client, rounds: number): Promise<Table> {
  await using fathom = await startFathom();
  const once = async (): Promise<number> => {
    const took = await timed(client.path, ["run", "-d", "--name", "one-more", ...SLEEP], fathom);
    await fathom.request("DELETE", "/containers/one-more?force=1");
    return took;
  };
  const latency = async (running: number) => {
    const [measured] = await measure([{ name: `beside ${running} running`, once }], rounds);
    if (measured === undefined) throw new Error("nothing was measured");
    return rowOf(measured);
  };
  const pair = { ...client, engine: fathom };
  await repeat(1, pair, SLEEPING);
  const rows = [await latency(1)];
  await repeat(MANY_RUNNING - 1, pair, SLEEPING);
  rows.push(await latency(MANY_RUNNING));
  await fathom.removeContainers();
  return { title: "`run -d` of one more container", unit: "ms", rows };
}

/** `ps -a`, and the daemons' memory. */
async function thousand(client: Client, rounds: number): Promise<Table[]> {
  await using docker = await startDocker();
  await using fathom = await startFathom();
  const pairs = pairsOf(client, docker, fathom);
  const starters = [pairs[0], { ...client, engine: fathom }].filter((pair) => pair !== undefined);
  await Promise.all(starters.map((pair) => repeat(STOPPED, pair, CREATED)));
  const cases = pairs.map(({ name, path, engine }) => ({
    name,
    once: () => timed(path, ["ps", "-a"], engine),
  }));
  const listing = (await measure(cases, rounds)).map(rowOf);
  for (const pair of starters) await repeat(RUNNING, pair, SLEEPING);
  const memory: Table["rows"] = [
    { name: "dockerd and containerd", value: await daemonMemory(docker) },
    { name: "fathom", value: await daemonMemory(fathom) },
  ];
  await Promise.all([docker.removeContainers(), fathom.removeContainers()]);
  return [
    { title: `\`ps -a\` of ${STOPPED} containers`, unit: "ms", rows: listing },
    {
      title: `memory of the daemon with ${STOPPED} stopped and ${RUNNING} running containers, private and dirty`,
      unit: "kB",
      rows: memory,
    },
  ];
}

/** The daemon and its children, without the process beside each container that runs. */
async function daemonMemory(engine: Engine): Promise<number> {
  const ids = (await engine.output("docker", ["ps", "-q"])).split("\n");
  const pids = (await engine.output("docker", ["inspect", "-f", "{{.State.Pid}}", ...ids])).split("\n");
  const shims = new Set(await Promise.all(pids.map((pid) => parentOf(Number(pid)))));
  return treeMemory(engine.pid, shims);
}

function pairsOf(client: Client, docker: Engine, fathom: Engine): Pair[] {
  return [
    { name: "docker with dockerd", path: "docker", engine: docker },
    { name: "docker with fathom", path: "docker", engine: fathom },
    { ...client, engine: fathom },
  ];
}

/** Runs a command many times, some at once. */
async function repeat(times: number, { path, engine }: Pair, args: readonly string[]): Promise<void> {
  let left = times;
  const worker = async (): Promise<void> => {
    while (left-- > 0) await timed(path, args, engine);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
