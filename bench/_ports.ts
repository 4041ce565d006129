/** A published port: connections and bytes a second, from outside and by localhost; and what a thousand of them cost a start. */

import { join } from "node:path";
import { type Engine, eventually, run, startDocker, startFathom } from "../test/harness/mod.ts";
import { measure } from "./_measure.ts";
import { rowOf, type Table } from "./_report.ts";

const PORT = 18_390;
const HOST = "198.51.102.1";
const PEER = [
  process.execPath,
  "--no-env-file",
  "--config=/dev/null",
  join(import.meta.dir, "_ports_peer.ts"),
];
const MEGABYTE = 1e6;

/** Places to ask from, in the network namespace of one engine: each with the address it knows the host by. */
interface Subject {
  name: string;
  places: { place: string; from: string[]; address: string }[];
}

/** Interleaved: a busy moment of the machine hits all alike. */
const REPEATS = 5;

export async function portTables(rounds: number): Promise<Table[]> {
  await using undo = new AsyncDisposableStack();
  const docker = undo.use(await startDocker({ bridged: true, args: ["--bip", "10.34.1.1/24"] }));
  const fathom = undo.use(await startFathom({ args: ["--bip", "10.34.2.1/24"] }));
  const subjects = [
    await subjectOf("docker, with its proxy", docker, { host: docker.pid, undo }),
    await subjectOf("fathom", fathom, { host: process.pid, undo }),
  ];
  const tables: Table[] = [];
  for (const place of PLACES) {
    tables.push({
      title: `a published port ${place}: connections`,
      unit: "/s",
      rows: await medians(subjects, place, "rate"),
    });
    const flows = await medians(subjects, place, "flow");
    const rows = flows.map((row) => ({ ...row, value: row.value / MEGABYTE }));
    tables.push({ title: `a published port ${place}: MB`, unit: "/s", rows });
  }
  await fathom.removeContainers();
  return [...tables, await startTable(fathom, rounds)];
}

const PLACES = ["from outside", "by 127.0.0.1"];

async function medians(
  subjects: readonly Subject[],
  place: string,
  role: "rate" | "flow",
): Promise<Table["rows"]> {
  const found = subjects.map(({ name, places }) => ({
    name,
    at: places.find((one) => one.place === place),
    values: [] as number[],
  }));
  for (let repeat = 0; repeat < REPEATS; repeat++)
    for (const { at, values } of found) if (at) values.push(await ask(role, at));
  return found.map(({ name, values }) => {
    const [median = 0] = values.sort((a, b) => a - b).slice(Math.floor(values.length / 2));
    return { name, value: median, more: `${REPEATS} times` };
  });
}

/** An engine with a container that serves, and a network namespace outside that has a link to the engine's. */
async function subjectOf(
  name: string,
  engine: Engine,
  { host, undo }: { host: number; undo: AsyncDisposableStack },
): Promise<Subject> {
  const id = await engine.output("docker", ["run", "-d", "-p", `${PORT}:80`, "busybox", "sleep", "1000"]);
  undo.defer(() => engine.removeContainers());
  const pid = await engine.output("docker", ["inspect", "-f", "{{.State.Pid}}", id]);
  const server = Bun.spawn(["nsenter", "-t", pid, "-n", ...PEER, "serve", "80"], { stdout: "pipe" });
  undo.defer(() => server.kill());
  await server.stdout.getReader().read();
  const outside = `fathom-bench-${host}`;
  const inHost = ["nsenter", "-t", String(host), "-n"];
  undo.defer(() => run(["ip", "netns", "del", outside]).then(() => undefined));
  await run(["ip", "netns", "add", outside]);
  const link = ["type", "veth", "peer", "name", "fbo0", "netns", String(host)];
  await run(["ip", "-n", outside, "link", "add", "out0", ...link]);
  await run([...inHost, "ip", "addr", "add", `${HOST}/24`, "dev", "fbo0"]);
  await run([...inHost, "ip", "link", "set", "fbo0", "up"]);
  await run(["ip", "-n", outside, "addr", "add", "198.51.102.2/24", "dev", "out0"]);
  await run(["ip", "-n", outside, "link", "set", "out0", "up"]);
  const places = [
    { place: "from outside", from: ["ip", "netns", "exec", outside], address: HOST },
    { place: "by 127.0.0.1", from: inHost, address: "127.0.0.1" },
  ];
  for (const place of places)
    await eventually("the way", async () => (await ask("rate", place).catch(() => 0)) > 0, 20_000);
  return { name, places };
}

async function ask(
  role: "rate" | "flow",
  { from, address }: { from: string[]; address: string },
): Promise<number> {
  const { status, stdout, stderr } = await run([...from, ...PEER, role, address, String(PORT)]);
  if (status !== 0) throw new Error(`${role} ${address}: ${stderr}`);
  return Number(stdout);
}

/** The start alone, by the API; the first row is one port. */
async function startTable(engine: Engine, rounds: number): Promise<Table> {
  const row = (name: string, count: number, inside: number) => ({
    name,
    once: () => start(engine, { count, inside }),
  });
  const cases = [
    row("1 port", 1, 20_000),
    row("1,000 ports in a row", 1000, 20_000),
    row("1,000 ports in a row under other numbers", 1000, 80),
  ];
  return {
    title: "start of a container with published ports",
    unit: "ms",
    rows: (await measure(cases, rounds, { warmUp: 5 })).map(rowOf),
  };
}

async function start(engine: Engine, { count, inside }: { count: number; inside: number }): Promise<number> {
  const ports = Array.from({ length: count }, (_, at) => [
    `${inside + at}/tcp`,
    [{ HostIp: "", HostPort: String(20_000 + at) }],
  ]);
  const HostConfig = { PortBindings: Object.fromEntries(ports) };
  const { json } = await engine.request("POST", "/containers/create", {
    Image: "busybox",
    Cmd: ["sleep", "100"],
    HostConfig,
  });
  const { Id } = json as { Id: string };
  const from = performance.now();
  await engine.request("POST", `/containers/${Id}/start`);
  const took = performance.now() - from;
  await engine.request("DELETE", `/containers/${Id}?force=1`);
  return took;
}
