/** Engines of a test's own: Fathom, or Docker to compare with. */

import { type FSWatcher, watch } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { busyboxArchive } from "./image.ts";
import { leftovers, processesOf } from "./leaks.ts";
import { type Result, run } from "./program.ts";
import { openTerminal, type Terminal } from "./terminal.ts";
import { eventually } from "./wait.ts";

/** The executable under test. */
export const FATHOM = resolve(process.env.FATHOM_BIN ?? join(import.meta.dir, "../../fathom"));

/** `TEST_ENGINE=docker` runs the conformance tests against Docker itself, which shows whether the tests are right. */
export const ENGINE_UNDER_TEST = process.env.TEST_ENGINE === "docker" ? "docker" : "fathom";

/** A command line, or that of a test: `docker` and `fathom` speak to the same engine. */
export type Client = "docker" | "fathom";

type CommandOptions = Parameters<typeof run>[1];

export interface Engine extends AsyncDisposable {
  readonly root: string;
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly socket: string;
  /** The daemon's process. */
  readonly pid: number;
  /** What the daemon wrote to its standard output and error. */
  log(): Promise<string>;
  /** Runs a command line against this engine. */
  command(client: Client, args: readonly string[], options?: CommandOptions): Promise<Result>;
  /** The same, which must succeed; gives its standard output without the last newline. */
  output(client: Client, args: readonly string[], options?: CommandOptions): Promise<string>;
  terminal(client: Client, args: readonly string[], size?: { columns: number; rows: number }): Terminal;
  /** One request to the API. */
  request(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; text: string; json: unknown }>;
  removeContainers(): Promise<void>;
  /** Ends the daemon as a crash does. */
  kill(): Promise<void>;
  /**
   * Starts the daemon again on the same directories; without `wait` it may not answer yet when this resolves. `program` is
   * another build of it.
   */
  start(options?: { wait?: boolean; program?: string }): Promise<void>;
  /** Ends the daemon as an administrator does. */
  stop(): Promise<void>;
}

interface EngineOptions {
  /** Where persistent state goes, when not below the engine's own directory. */
  dataRoot?: string;
  /** Further arguments of the daemon. */
  args?: string[];
  /** What the daemon finds in /etc/subuid and /etc/subgid; it gets a mount namespace of its own for that. */
  subordinateIds?: string;
  /** With a copy of /etc for its own, so that it may make users; the copy is `etc` in the engine's directory. */
  ownAccounts?: boolean;
  /** Without the busybox image. */
  bare?: boolean;
  /** In a network namespace of the test's own, by its name of ip-netns(8): its rules and links are not the host's. */
  network?: string;
  /** The beginning of a command line that runs the daemon: `env`, with what it is to have in its environment. */
  behind?: string[];
  /** With a default bridge, which dockerd is otherwise started without. */
  bridged?: boolean;
}

/** The engine that TEST_ENGINE names, with an image `busybox`. */
export function startEngine(options: EngineOptions = {}): Promise<Engine> {
  return ENGINE_UNDER_TEST === "docker" ? startDocker(options) : startFathom(options);
}

export function startFathom(options: EngineOptions = {}): Promise<Engine> {
  return startWith(options, ({ root, dataRoot, execRoot, socket }) => [
    ...(options.network === undefined ? [] : ["nsenter", `--net=/run/netns/${options.network}`]),
    FATHOM,
    "daemon",
    ...["--data-root", dataRoot, "--exec-root", execRoot, "-H", `unix://${socket}`],
    ...["--pidfile", join(root, "pid")],
  ]);
}

export function startDocker(options: EngineOptions = {}): Promise<Engine> {
  const places =
    options.network !== undefined
      ? ["nsenter", `--net=/run/netns/${options.network}`, "dockerd"]
      : options.bridged
        ? [...IN_OWN_NETWORK, "dockerd"]
        : ["dockerd", ...WITHOUT_NETWORK];
  return startWith(options, ({ root, dataRoot, execRoot, socket }) => [
    ...places,
    ...["--data-root", dataRoot, "--exec-root", execRoot, "-H", `unix://${socket}`],
    ...["--pidfile", join(root, "pid")],
  ]);
}

const WITHOUT_NETWORK = ["--bridge=none", "--iptables=false"];
/** Its bridge and its rules are made in a network namespace that goes with it. */
const IN_OWN_NETWORK = ["unshare", "--net", "--mount", "sh", "-c", 'ip link set lo up; exec "$@"', "sh"];

interface Places {
  root: string;
  dataRoot: string;
  execRoot: string;
  socket: string;
}

async function startWith(options: EngineOptions, daemon: (places: Places) => string[]): Promise<Engine> {
  const root = await mkdtemp("/tmp/fathom-test-");
  const dataRoot = options.dataRoot ?? join(root, "data");
  const places = { root, dataRoot, execRoot: join(root, "exec"), socket: join(root, "api.sock") };
  const command = [
    ...(options.behind ?? []),
    ...(await withSubordinateIds(root, options.subordinateIds)),
    ...(options.ownAccounts ? withOwnAccounts(root) : []),
    ...daemon(places),
    ...(options.args ?? []),
  ];
  const engine = engineOf(places, command);
  try {
    await engine.start();
    if (!options.bare)
      await engine.output("docker", ["import", "-", "busybox"], { input: await busyboxArchive() });
  } catch (error) {
    const log = await engine.log().catch(() => "");
    try {
      await engine[Symbol.asyncDispose]();
    } catch (leak) {
      throw new AggregateError(
        [error, leak],
        `the engine did not start, and left things behind; its log:\n${log}`,
      );
    }
    throw new Error(`the engine did not start; its log:\n${log}`, { cause: error });
  }
  return engine;
}

/** The beginning of a command line that runs the rest with other subordinate IDs. */
async function withSubordinateIds(root: string, text: string | undefined): Promise<string[]> {
  if (text === undefined) return [];
  const file = join(root, "subordinate-ids");
  await writeFile(file, text);
  const script = 'mount --bind "$0" /etc/subuid && mount --bind "$0" /etc/subgid && exec "$@"';
  return ["unshare", "--mount", "sh", "-c", script, file];
}

/** A mount over a file could not be replaced by those programs; so it is the whole directory. */
function withOwnAccounts(root: string): string[] {
  const script = '[ -d "$0" ] || cp -a /etc "$0"; mount --bind "$0" /etc && exec "$@"';
  return ["unshare", "--mount", "sh", "-c", script, join(root, "etc")];
}

function engineOf(places: Places, daemon: string[]): Engine {
  const { root, socket } = places;
  const logFile = join(root, "daemon.log");
  const ids = new Set<string>();
  let child: Bun.Subprocess | undefined;
  let watcher: FSWatcher | undefined;
  const env = { DOCKER_HOST: `unix://${socket}`, DOCKER_CONFIG: join(root, "client") };
  const commandOf = (client: Client, args: readonly string[]) => [
    client === "docker" ? "docker" : FATHOM,
    ...args,
  ];

  const engine: Engine = {
    ...places,
    get pid() {
      if (child === undefined) throw new Error("the daemon does not run");
      return child.pid;
    },
    log: () => readFile(logFile, "utf8"),
    command: (client, args, options = {}) =>
      run(commandOf(client, args), { ...options, env: { ...env, ...options.env } }),
    async output(client, args, options) {
      const { status, stdout, stderr } = await engine.command(client, args, options);
      if (status !== 0) throw new Error(`${client} ${args.join(" ")} ended with ${status}: ${stderr}`);
      return stdout.replace(/\n$/, "");
    },
    terminal: (client, args, size) => openTerminal(commandOf(client, args), { env, ...size }),
    request: (method, path, body) => request(socket, { method, path, body }),
    async removeContainers() {
      const { json } = await engine.request("GET", "/containers/json?all=1");
      const containers = json as { Id: string }[];
      await Promise.all(
        containers.map(({ Id }) => engine.request("DELETE", `/containers/${Id}?force=1&v=1`)),
      );
    },
    async kill() {
      child?.kill("SIGKILL");
      await child?.exited;
      child = undefined;
    },
    async start({ wait = true, program = daemon[0] ?? "" } = {}) {
      child = Bun.spawn(["sh", "-c", 'exec "$@" >>"$0" 2>&1', logFile, program, ...daemon.slice(1)], {
        stdio: ["ignore", "ignore", "ignore"],
      });
      if (!wait) return;
      try {
        await untilReady(socket, child);
      } catch (error) {
        await engine.stop();
        throw error;
      }
      watcher?.close();
      watcher = await watchIds(join(places.dataRoot, "containers"), ids);
    },
    async stop() {
      child?.kill("SIGTERM");
      await child?.exited;
      child = undefined;
    },
    async [Symbol.asyncDispose]() {
      if (child !== undefined) await engine.removeContainers();
      await engine.stop();
      watcher?.close();
      await cleanUp(places, ids);
    },
  };
  return engine;
}

async function untilReady(socket: string, child: Bun.Subprocess): Promise<void> {
  await eventually(
    "the daemon's answer",
    async () => {
      if (child.exitCode !== null) throw new Error(`the daemon ended with ${child.exitCode}`);
      const answer = await request(socket, { method: "GET", path: "/_ping" }).catch(() => undefined);
      return answer?.status === 200;
    },
    30_000,
  );
}

/** Notes the ID of every container from now on: its directory's name. */
async function watchIds(directory: string, ids: Set<string>): Promise<FSWatcher | undefined> {
  const note = (name: string | null) => {
    if (name !== null && /^[0-9a-f]{64}$/.test(name)) ids.add(name);
  };
  for (const name of await readdir(directory).catch(() => [])) note(name);
  try {
    return watch(directory, (_, name) => note(name));
  } catch {
    return undefined; // No container yet, and so no directory.
  }
}

/** What takes away a thing that was left. */
const REMOVE: Readonly<Record<string, readonly string[]>> = {
  mount: ["umount", "-l"],
  cgroup: ["rmdir"],
  link: ["ip", "link", "del"],
  "rules table": ["nft", "delete", "table"],
};

/** Removes the engine's directory; fails, after cleaning up, when the engine had left something. */
async function cleanUp({ root }: Places, ids: ReadonlySet<string>): Promise<void> {
  const left = await leftovers({ root, ids });
  for (const { pid } of await processesOf({ root, ids })) process.kill(pid, "SIGKILL");
  for (const line of left) {
    const [, kind = "", name = ""] = /^(mount|cgroup|link|rules table) (.*)$/.exec(line) ?? [];
    const undo = REMOVE[kind];
    if (undo !== undefined) await run([...undo, ...name.split(" ")]);
  }
  await rm(root, { recursive: true, force: true });
  if (left.length > 0) throw new Error(`the engine left behind:\n${left.join("\n")}`);
}

async function request(
  socket: string,
  { method, path, body }: { method: string; path: string; body?: unknown },
): Promise<{ status: number; text: string; json: unknown }> {
  const raw = typeof body === "string" || body instanceof Uint8Array;
  const response = await fetch(`http://engine${path}`, {
    unix: socket,
    method,
    keepalive: false,
    ...(body !== undefined && {
      body: raw ? body : JSON.stringify(body),
      headers: { "Content-Type": raw && typeof body !== "string" ? "application/x-tar" : "application/json" },
    }),
  });
  const text = await response.text();
  return { status: response.status, text, json: jsonOf(text) };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
