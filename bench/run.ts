/**
 * Fathom beside Docker on this machine, in one run, and what came of it in RESULTS.md.
 *
 *     npm run build
 *     FATHOM_BIN=dist/fathom node_modules/.bin/bun --no-env-file --config=/dev/null bench/run.ts [rounds]
 *
 * Both engines are private ones, with the same image; FATHOM_BIN is what runs the daemon, ./fathom unless told.
 */

import { access, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { type Engine, run, startDocker, startFathom } from "../test/harness/mod.ts";
import { type Case, type Measured, measure } from "./_measure.ts";
import { childrenOf, parentOf, privateDirty } from "./_memory.ts";

const ROOT = join(import.meta.dir, "..");
const rounds = Number(process.argv[2] ?? 15);
const BUN = [process.execPath, "--no-env-file", "--config=/dev/null"];

interface Table {
  title: string;
  unit: "ms" | "kB";
  /** The first is what the others are compared with. */
  rows: { name: string; value: number; more?: string }[];
}

/** Longer than a spare shim waits for the next container, in milliseconds. */
const UNUSED = 35_000;
/** Longer than it takes until a quiet shim dozes, in milliseconds. */
const QUIET = 10_000;

const HUGETLB = "/sys/fs/cgroup/hugetlb";
/** A hierarchy goes back only when its groups are gone, which the kernel does some time after they were removed. */
const WITH_HUGETLB = `
  there() { mount -t cgroup -o hugetlb hugetlb ${HUGETLB}; }
  mkdir -p ${HUGETLB} && there || exit 1
  "$@"
  status=$?
  for try in $(seq 20); do
    find ${HUGETLB} -mindepth 1 -depth -type d -exec rmdir {} ';'
    umount ${HUGETLB}
    sleep 0.5
    grep -q '^hugetlb[[:space:]]*0' /proc/cgroups && exit $status
    there
  done
  echo "the hugetlb controller did not go back to the v2 hierarchy" >&2
  exit 1`;

const clients = await commandLines();
const tables = [...(await engines()), ...(await runtimes())];
await writeFile(join(import.meta.dir, "RESULTS.md"), await report(tables));
console.log(await readFile(join(import.meta.dir, "RESULTS.md"), "utf8"));

/** Our command line from the sources, and compiled where it was built. */
async function commandLines(): Promise<{ name: string; path: string }[]> {
  const dist = join(ROOT, "dist/fathom");
  const built = await access(dist).then(
    () => [{ name: "fathom, compiled", path: dist }],
    () => [],
  );
  return [...built, { name: "fathom, from sources", path: join(ROOT, "fathom") }];
}

async function engines(): Promise<Table[]> {
  await using docker = await startDocker();
  await using fathom = await startFathom();
  const commands: [string, string[]][] = [
    ["`run --rm --network none busybox true`", ["run", "--rm", "--network", "none", "busybox", "true"]],
    ["`ps`", ["ps"]],
    ["`version`", ["version"]],
  ];
  const idle = await whenIdle(docker, fathom);
  const timed: Table[] = [];
  for (const [title, args] of commands) {
    const cases: Case[] = [
      command("docker with dockerd", ["docker", ...args], docker),
      command("docker with fathom", ["docker", ...args], fathom),
      ...clients.map(({ name, path }) => command(name, [path, ...args], fathom)),
    ];
    timed.push({ title, unit: "ms", rows: (await measure(cases, rounds)).map(rowOf) });
  }
  return [...timed, ...idle, await shimMemory(docker, fathom)];
}

function command(name: string, words: string[], engine: Engine): Case {
  const env = { ...process.env, DOCKER_HOST: `unix://${engine.socket}`, DOCKER_CONFIG: engine.root };
  return {
    name,
    once: async () => {
      const child = Bun.spawn(words, { env, stdio: ["ignore", "ignore", "pipe"] });
      const status = await child.exited;
      if (status !== 0) throw new Error(`${words.join(" ")}: ${await new Response(child.stderr).text()}`);
      return undefined;
    },
  };
}

function rowOf({ name, median, min, p90, runs }: Measured): Table["rows"][number] {
  return {
    name,
    value: median,
    more: `fastest ${min.toFixed(1)}, 90th percentile ${p90.toFixed(1)}, ${runs} runs`,
  };
}

/** Once both have run a container, soon after and when they have been left alone for a while. */
async function whenIdle(docker: Engine, fathom: Engine): Promise<Table[]> {
  for (const engine of [docker, fathom])
    await engine.output("docker", ["run", "--rm", "--network", "none", "busybox", "true"]);
  await Bun.sleep(1000);
  const tree = async (pid: number): Promise<number> => {
    const children = await childrenOf(pid);
    const sizes = await Promise.all([privateDirty(pid), ...children.map(privateDirty)]);
    return sizes.reduce((sum, size) => sum + size, 0);
  };
  const soon = await tree(fathom.pid);
  await Bun.sleep(UNUSED);
  const memory: Table = {
    title: "memory of an idle engine and its children, private and dirty",
    unit: "kB",
    rows: [
      { name: "dockerd and containerd", value: await tree(docker.pid) },
      { name: "fathom", value: await tree(fathom.pid) },
      { name: "fathom, right after a run", value: soon, more: "with the shims that it keeps ready for 30 s" },
    ],
  };
  const first = async (engine: Engine): Promise<number> => {
    const from = performance.now();
    await engine.output("docker", ["run", "--rm", "--network", "none", "busybox", "true"]);
    return performance.now() - from;
  };
  const rows = [
    { name: "docker with dockerd", value: await first(docker), more: "one run" },
    { name: "docker with fathom", value: await first(fathom), more: "one run" },
  ];
  return [memory, { title: "the first `run` after 35 s without one", unit: "ms", rows }];
}

async function shimMemory(docker: Engine, fathom: Engine): Promise<Table> {
  const shimOf = async (engine: Engine): Promise<number> => {
    const id = await engine.output("docker", ["run", "-d", "--network", "none", "busybox", "sleep", "1000"]);
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

/**
 * crun 1.8 refuses a host whose v2 hierarchy has a controller while others are v1. In a mount namespace of its own that
 * controller is mounted as v1; it goes back with the namespace.
 */
async function runtimes(): Promise<Table[]> {
  const groups = await readdir("/sys/fs/cgroup");
  const hybrid = groups.includes("unified") && !groups.includes("hugetlb");
  const script = hybrid ? WITH_HUGETLB : '"$@"';
  const words = [...BUN, join(import.meta.dir, "runtime.ts"), String(rounds)];
  const result = await run(
    ["unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh", ...words],
    { timeout: 600_000 },
  );
  if (hybrid) await rmdir(HUGETLB);
  if (result.status !== 0) throw new Error(`the runtimes could not be measured: ${result.stderr}`);
  const measured: Measured[] = JSON.parse(result.stdout);
  const named = (name: string) => measured.filter((one) => one.name === name).map(rowOf);
  return [
    {
      title: "one bundle, start to end of `/bin/true`",
      unit: "ms",
      rows: [...named("runc"), ...named("crun"), ...named("fathom")],
    },
    {
      title: "what a receipt costs",
      unit: "ms",
      rows: [...named("fathom with a receipt"), ...named("fathom")],
    },
  ];
}

async function report(all: readonly Table[]): Promise<string> {
  const versions = await Promise.all(
    [
      ["dockerd", "--version"],
      ["docker", "--version"],
      ["runc", "--version"],
      ["crun", "--version"],
    ].map(async (words) => (await run(words)).stdout.split("\n")[0]),
  );
  const cpu = cpus()[0]?.model ?? "unknown processor";
  const machine = `${cpus().length} cores of ${cpu}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`;
  return [
    "# Results",
    `Written by \`bench/run.ts\` on ${new Date().toISOString().slice(0, 10)}. Medians; cases interleaved in one run; ratios against the first row of each table.`,
    "",
    `Fathom's daemon is ${process.env.FATHOM_BIN === undefined ? "./fathom" : "dist/fathom"}. Machine: ${machine}. Bun ${Bun.version}; ${versions.join("; ")}.`,
    ...all.flatMap(tableText),
    "",
  ].join("\n");
}

function tableText({ title, unit, rows }: Table): string[] {
  const first = rows[0]?.value ?? 0;
  const digits = unit === "ms" ? 2 : 0;
  return [
    "",
    `## ${title[0]?.toUpperCase()}${title.slice(1)}`,
    `| | ${unit} | ratio | |`,
    "|---|---|---|---|",
    ...rows.map(
      ({ name, value, more }) =>
        `| ${name} | ${value.toFixed(digits)} | ${(first / value).toFixed(2)} | ${more ?? ""} |`,
    ),
  ];
}
