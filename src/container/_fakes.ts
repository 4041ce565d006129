/** An engine in memory for tests: images without files, shims without processes. Its records are real, below a directory of its own. */

import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { Duplex } from "node:stream";
import type { Shim } from "../shim/handle.ts";
import type { ExecLaunch, ExitRecord, Launch, Names } from "../shim/protocol.ts";
import type { ImageConfig } from "../spec/oci_image.ts";
import type { Resources } from "../spec/oci_runtime.ts";
import { FathomError } from "../std/errors.ts";
import { rfc3339, wallClock } from "../std/time.ts";
import { type FakeFiles, fakeFiles } from "./_fake_files.ts";
import { GROUP, HOST, IMAGE, PASSWD } from "./_fixtures.ts";
import { type Containers, type ContainersOptions, openContainers } from "./mod.ts";

const IMAGE_ID = `sha256:${"1".repeat(64)}` as const;

/** A shim that starts what it is told and ends it when a test says so, or a signal that its program does not ignore. */
class FakeShim implements Shim {
  readonly pid = 4000;
  readonly socket: string;
  readonly exited: Promise<ExitRecord>;
  running: { id: string; pid: number; startedAt: string } | undefined;
  launched: Launch | undefined;
  readonly signals: number[] = [];
  resolves: Names | undefined;
  readonly execs: ExecLaunch[] = [];
  readonly attachments: Duplex[] = [];
  readonly sizes: unknown[] = [];
  closed = false;
  detach: (target: { exec?: string }) => void = () => undefined;
  ignored: number[] = [];
  readonly #end = Promise.withResolvers<ExitRecord>();
  readonly #execEnds = new Map<string, PromiseWithResolvers<number>>();
  readonly #failure: Error | undefined;

  constructor(socket: string, failure?: Error) {
    this.socket = socket;
    this.#failure = failure;
    this.exited = this.#end.promise;
    this.exited.catch(() => undefined);
  }

  async launch(launch: Launch) {
    if (this.#failure) throw this.#failure;
    this.launched = launch;
    this.running = { id: launch.id, pid: 4321, startedAt: rfc3339(wallClock()) };
    return this.running;
  }

  end(exitCode: number, oomKilled = false): void {
    const startedAt = this.running?.startedAt ?? "";
    this.running = undefined;
    for (const stream of this.attachments) stream.push(null);
    this.#end.resolve({ exitCode, oomKilled, startedAt, finishedAt: rfc3339(wallClock()) });
  }

  lose(): void {
    this.#end.reject(new Error("connection closed"));
    for (const end of this.#execEnds.values()) end.reject(new Error("connection closed"));
  }

  async signal(signal: number) {
    this.signals.push(signal);
    if (!this.ignored.includes(signal)) this.end(128 + signal);
  }

  async resolve(names: Names) {
    this.resolves = names;
  }

  async resize(size: unknown, target: unknown) {
    this.sizes.push({ size, target });
  }

  async attach() {
    const stream = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
    this.attachments.push(stream);
    return { stream, logOffset: 0 };
  }

  async exec(exec: ExecLaunch) {
    if (exec.process.args[0] === "nope")
      throw Object.assign(new FathomError("invalid", 'exec: "nope": executable file not found in $PATH'), {
        exitCode: 127,
      });
    this.execs.push(exec);
    return { pid: 555, startedAt: rfc3339(wallClock()) };
  }

  endExec(id: string, exitCode: number): void {
    this.#execEnd(id).resolve(exitCode);
  }

  onDetach(listener: (target: { exec?: string }) => void): void {
    this.detach = listener;
  }

  execExited(id: string) {
    return this.#execEnd(id).promise;
  }

  close(): void {
    this.closed = true;
  }

  #execEnd(id: string): PromiseWithResolvers<number> {
    const end = this.#execEnds.get(id) ?? Promise.withResolvers<number>();
    end.promise.catch(() => undefined);
    this.#execEnds.set(id, end);
    return end;
  }
}

export interface FakeEngine extends AsyncDisposable {
  root: string;
  engine: Containers;
  options: ContainersOptions;
  files: FakeFiles;
  /** In the order in which they were taken. */
  shims: FakeShim[];
  /** What connects when an engine asks for a socket. */
  reachable: Map<string, FakeShim>;
  events: { action: string; attributes: Record<string, string> }[];
  warnings: string[];
  mounted: Set<string>;
  prepared: Set<string>;
  /** The networks of containers that are connected, by ID. */
  connected: Map<string, string>;
  /** Volumes by name: their users, with how often each has it mounted. */
  volumes: Map<string, Map<string, number>>;
  /** Control groups whose leftovers were killed. */
  killed: string[];
  /** Control groups that are frozen. */
  frozen: Set<string>;
  /** Who listens for a want of memory. */
  oom: Set<{ killed: () => void }>;
  /** Limits that control groups were given while they ran. */
  updates: { path: string; limits: Resources }[];
  /** Lets the next launch fail. */
  failNext: (error: Error) => void;
  failMount: boolean;
  image: ImageConfig;
  /** The shim taken last. */
  shim: () => FakeShim;
  actions: () => string[];
  /** A new engine over the same records, as after kill -9. */
  reopen: () => Promise<Containers>;
}

export async function fakeEngine(): Promise<FakeEngine> {
  const directory = await mkdtemp("/tmp/fathom-test-containers-");
  const root = join(directory, "containers");
  const fake: Omit<FakeEngine, "engine"> & { engine?: Containers } = {
    root,
    shims: [],
    reachable: new Map(),
    events: [],
    warnings: [],
    mounted: new Set(),
    prepared: new Set(),
    connected: new Map(),
    volumes: new Map(),
    killed: [],
    frozen: new Set(),
    updates: [],
    oom: new Set(),
    failNext: (error) => {
      failure = error;
    },
    failMount: false,
    image: IMAGE,
    shim: () => {
      const shim = fake.shims.at(-1);
      if (shim === undefined) throw new Error("no shim was taken");
      return shim;
    },
    actions: () => fake.events.map(({ action }) => action),
    reopen: async () => {
      fake.engine = await openContainers(fake.options);
      return fake.engine;
    },
    options: {} as ContainersOptions,
    files: fakeFiles(),
    [Symbol.asyncDispose]: async () => {
      await fake.engine?.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
  let failure: Error | undefined;
  fake.options = {
    root,
    execRoot: join(directory, "run"),
    images: images(fake),
    networks: networks(fake),
    hostNames: {
      read: async () => ({ own: "nameserver 192.0.2.53\n", beyondLoopback: "nameserver 192.0.2.53\n" }),
      onChange: () => undefined,
    },
    files: fake.files,
    shims: {
      take: async () => {
        const shim = new FakeShim(join(directory, `${fake.shims.length}.sock`), failure);
        failure = undefined;
        fake.shims.push(shim);
        return shim;
      },
      connect: async (socket) => fake.reachable.get(socket),
    },
    sharedMemory: { mount: () => undefined, unmount: () => undefined },
    receipts: { record: (_id, work) => work(), append: async () => undefined },
    emit: (event) => fake.events.push(event),
    killLeftovers: async (path) => {
      fake.killed.push(path);
    },
    cgroups: {
      support: () => HOST.limits,
      freeze: async (path) => void fake.frozen.add(path),
      thaw: async (path) => void fake.frozen.delete(path),
      update: async (path, limits) => void fake.updates.push({ path, limits }),
      directories: () => undefined,
      watchOom: (_path, on) => {
        fake.oom.add(on);
        return { [Symbol.dispose]: () => void fake.oom.delete(on) };
      },
      frozen: async (path) => fake.frozen.has(path),
    },
    runProgram: async () => undefined,
    volumes: volumes(fake),
    mounts: {
      bindSubpath: async (root, subpath, target) => void fake.mounted.add(`${root}/${subpath} at ${target}`),
      mountImage: async (image, target) => void fake.mounted.add(`${image} at ${target}`),
      unmount: (target) => {
        for (const one of fake.mounted) if (one.endsWith(` at ${target}`)) fake.mounted.delete(one);
      },
      propagationOf: () => ({ mountPoint: "/", shared: false, slave: true }),
    },
    runtimes: { native: {} },
    defaultRuntime: "native",
    defaults: { init: false, ulimits: [], names: { servers: [], search: [], options: [] } },
    initProgram: async () => join(directory, "run", "docker-init"),
    defaultLog: { Type: "json-file", Config: {} },
    warn: (sentence) => fake.warnings.push(sentence),
  };
  fake.engine = await openContainers(fake.options);
  return fake as FakeEngine;
}

/** Volumes in memory: who uses each, and how many mounts there are of it. */
function volumes({ volumes: known }: Pick<FakeEngine, "volumes">): ContainersOptions["volumes"] {
  const of = (name: string) => {
    const users = known.get(name) ?? new Map<string, number>();
    known.set(name, users);
    return users;
  };
  return {
    create: async ({ Name = "" }, { user }) => {
      if (Name === "bad") throw new FathomError("invalid", "create bad: no such driver");
      of(Name).set(user, 0);
      return { Name, Driver: "local", Mountpoint: `/volumes/${Name}/_data` };
    },
    hold: (name, user, { mounted }) => void of(name).set(user, mounted),
    release: (name, user) => void known.get(name)?.delete(user),
    mount: async ({ name, user }) => {
      of(name).set(user, (of(name).get(user) ?? 0) + 1);
      return `/volumes/${name}/_data`;
    },
    unmount: async (name, user) => void of(name).set(user, (of(name).get(user) ?? 1) - 1),
    populate: async () => undefined,
    remove: async (name) => {
      if ((known.get(name)?.size ?? 0) > 0) throw new FathomError("conflict", "in use");
      known.delete(name);
    },
    settle: () => undefined,
  };
}

type Faked = Pick<FakeEngine, "root" | "mounted" | "prepared" | "failMount" | "image">;

function images(fake: Faked): ContainersOptions["images"] {
  return {
    descendants: async (id) => new Set([id]),
    resolve: async (name) => {
      if (name !== "bb" && name !== IMAGE_ID)
        throw new FathomError("not-found", `No such image: ${name}:latest`);
      return { id: IMAGE_ID, config: fake.image };
    },
    prepare: async (id) => {
      fake.prepared.add(id);
      await mkdir(join(fake.root, id, "rw"));
    },
    mount: async (id) => {
      if (fake.failMount) throw new FathomError("internal", "mount: EIO");
      fake.mounted.add(id);
      return join(fake.root, id, "rootfs");
    },
    unmount: async (id) => {
      fake.mounted.delete(id);
    },
    remove: async (id) => {
      fake.prepared.delete(id);
    },
    readFile: async (_id, path) => ({ "/etc/passwd": PASSWD, "/etc/group": GROUP })[path],
    graphDriver: async () => ({ Name: "overlay", Data: { UpperDir: "/u" } }),
    sizes: async () => ({ rw: 1, rootfs: 2 }),
  };
}

/** Networks without links: every container on the bridge has the same address. */
function networks(fake: Pick<FakeEngine, "connected">): ContainersOptions["networks"] {
  const endpoint = (network: string) => ({
    IPAMConfig: null,
    Links: null,
    Aliases: null,
    MacAddress: "",
    DriverOpts: null,
    GwPriority: 0,
    NetworkID: network,
    EndpointID: "e",
    Gateway: "",
    IPAddress: network === "bridge" ? "172.17.0.2" : "",
    IPPrefixLen: network === "bridge" ? 16 : 0,
    IPv6Gateway: "",
    GlobalIPv6Address: "",
    GlobalIPv6PrefixLen: 0,
    DNSNames: null,
  });
  const connection = (network: string) => ({
    sandboxId: "s",
    sandboxKey: network === "bridge" ? "/run/netns/x" : "",
    endpoints: { [network]: endpoint(network) },
    ports: [],
  });
  return {
    exposureWarnings: async () => [],
    connect: async ({ container, networks: [{ network } = { network: "none" }] }) => {
      fake.connected.set(container, network);
      return connection(network);
    },
    setRate: async () => undefined,
    resolverOf: () => undefined,
    setResolver: async () => undefined,
    setNames: async () => undefined,
    release: async (container) => void fake.connected.delete(container),
    releaseAllBut: async (containers) => {
      for (const container of fake.connected.keys())
        if (!containers.has(container)) fake.connected.delete(container);
    },
    connectionOf: (container) => {
      const network = fake.connected.get(container);
      return network === undefined ? undefined : connection(network);
    },
    join: async (container) => connection(fake.connected.get(container) ?? "none"),
    leave: async (container) => connection(fake.connected.get(container) ?? "none"),
    find: (network) => ({ id: network, name: network }),
    hostGateway: async () => "172.17.0.1",
  };
}

/** A record as it stands on disk. */
export async function onDisk(fake: Pick<FakeEngine, "root">, id: string, file: string): Promise<unknown> {
  return JSON.parse(await readFile(join(fake.root, id, file), "utf8"));
}

/** Until `holds`, for what happens behind an answer. */
export async function eventually(holds: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt++) {
    if (holds()) return;
    await Bun.sleep(5);
  }
  throw new Error("it did not come to that");
}
