/** The engines' commands, one after another: each round runs every case once. */

import { type Engine, startDocker, startFathom } from "../test/harness/mod.ts";
import { type Case, measure } from "./_measure.ts";
import { parentOf, privateDirty, treeMemory } from "./_memory.ts";
import { rowOf, type Table } from "./_report.ts";

/** A command line to measure: what it is called, and the program. */
export interface Client {
  name: string;
  path: string;
}

/** Longer than a spare shim waits for the next container, in milliseconds. */
const UNUSED = 35_000;
/** Longer than it takes until a quiet shim dozes, in milliseconds. */
const QUIET = 10_000;

/** Each with Docker's as the first row. */
export async function commandTables(clients: readonly Client[], rounds: number): Promise<Table[]> {
  await using docker = await startDocker();
  await using fathom = await startFathom();
  const idle = await whenIdle(docker, fathom);
  const pairs = [
    { name: "docker with dockerd", path: "docker", engine: docker },
    { name: "docker with fathom", path: "docker", engine: fathom },
    ...clients.map((client) => ({ ...client, engine: fathom })),
  ];
  const timed: Table[] = [];
  for (const [title, once] of OPERATIONS) {
    const cases = pairs.map(({ name, path, engine }): Case => ({ name, once: () => once(path, engine) }));
    timed.push({ title, unit: "ms", rows: (await measure(cases, rounds)).map(rowOf) });
  }
  return [...timed, ...idle, await shimMemory(docker, fathom)];
}

type Operation = (path: string, engine: Engine) => Promise<number | undefined>;

const RUN = ["run", "--rm", "--network", "none", "busybox", "true"];
/** It says when it can be stopped, and ends at once when it is. */
const OBEDIENT = [
  "run",
  "-d",
  "--network",
  "none",
  "busybox",
  "sh",
  "-c",
  "trap 'exit 0' TERM; sleep 100000 & wait",
];
const SLEEPING = ["run", "-d", "--network", "none", "busybox", "sleep", "1000"];

const OPERATIONS: [string, Operation][] = [
  ["`run --rm --network none busybox true`", (path, engine) => timed(path, RUN, engine)],
  [
    "`exec CONTAINER true`",
    async (path, engine) => timed(path, ["exec", await sleeper(engine), "true"], engine),
  ],
  [
    "`stop` of a program that obeys SIGTERM",
    async (path, engine) => {
      const id = await engine.output("docker", OBEDIENT);
      // Until the trap is set, the signal of the first process of a PID namespace is lost.
      await Bun.sleep(100);
      const took = await timed(path, ["stop", id], engine);
      await engine.output("docker", ["rm", id]);
      return took;
    },
  ],
  [
    "`rm -f` of a running container",
    async (path, engine) => timed(path, ["rm", "-f", await engine.output("docker", SLEEPING)], engine),
  ],
  ["`ps`", (path, engine) => timed(path, ["ps"], engine)],
  ["`version`", (path, engine) => timed(path, ["version"], engine)],
];

const sleepers = new Map<Engine, Promise<string>>();

/** The one container of an engine that execs go to. */
function sleeper(engine: Engine): Promise<string> {
  const known = sleepers.get(engine) ?? engine.output("docker", SLEEPING);
  sleepers.set(engine, known);
  return known;
}

/** Milliseconds of one command, from its start to its end. */
export async function timed(path: string, args: readonly string[], engine: Engine): Promise<number> {
  const env = { ...process.env, DOCKER_HOST: `unix://${engine.socket}`, DOCKER_CONFIG: engine.root };
  const from = performance.now();
  const child = Bun.spawn([path, ...args], { env, stdio: ["ignore", "ignore", "pipe"] });
  const status = await child.exited;
  const took = performance.now() - from;
  if (status !== 0) throw new Error(`${path} ${args.join(" ")}: ${await new Response(child.stderr).text()}`);
  return took;
}

/** Once both have run a container, soon after and when they have been left alone for a while. */
async function whenIdle(docker: Engine, fathom: Engine): Promise<Table[]> {
  for (const engine of [docker, fathom]) await engine.output("docker", RUN);
  await Bun.sleep(1000);
  const soon = await treeMemory(fathom.pid);
  await Bun.sleep(UNUSED);
  const memory: Table = {
    title: "memory of an idle engine and its children, private and dirty",
    unit: "kB",
    rows: [
      { name: "dockerd and containerd", value: await treeMemory(docker.pid) },
      { name: "fathom", value: await treeMemory(fathom.pid) },
      { name: "fathom, right after a run", value: soon, more: "with the shims that it keeps ready for 30 s" },
    ],
  };
  const rows = [
    { name: "docker with dockerd", value: await timed("docker", RUN, docker), more: "one run" },
    { name: "docker with fathom", value: await timed("docker", RUN, fathom), more: "one run" },
  ];
  return [memory, { title: "the first `run` after 35 s without one", unit: "ms", rows }];
}

async function shimMemory(docker: Engine, fathom: Engine): Promise<Table> {
  const shimOf = async (engine: Engine): Promise<number> => {
    const id = await engine.output("docker", SLEEPING);
    const pid = Number(await engine.output("docker", ["inspect", "-f", "{{.State.Pid}}", id]));
    await Bun.sleep(QUIET);
    return privateDirty(await parentOf(pid));
  };
  return {
    title: "memory of the process beside a quiet container, private and dirty",
    unit: "kB",
    rows: [
      { name: "containerd-shim", value: await shimOf(docker) },
      { name: "fathom shim", value: await shimOf(fathom) },
    ],
  };
}
