/**
 * For tests of the API: an engine that remembers what it was asked and makes up its answers.
 *
 * Containers named `throw-KIND` throw, `slow` waits for `release()`, `lasting` never ends, `tty` has a terminal.
 */

import { Duplex } from "node:stream";
import type {
  ContainerInspect,
  EventMessage,
  ImageInspect,
  SystemInfo,
  SystemVersion,
} from "../spec/docker.ts";
import type { ContainerStats } from "../spec/docker_stats.ts";
import type { Volume } from "../spec/docker_volume.ts";
import type { Isolation } from "../spec/isolation.ts";
import { type ErrorKind, FathomError } from "../std/errors.ts";
import type { Backends } from "./mod.ts";
import { fakeLayers } from "./test_layers.ts";
import { fakeRegistry } from "./test_registry.ts";

export interface FakeEngine {
  backends: Backends;
  /** Every call: its name and arguments, signals left out. */
  calls: unknown[][];
  /** Lets everything that waits for it go on. */
  release(): void;
  /** A client of `events`, or one that waited for `lasting`, has left. */
  left: boolean;
}

/** One frame of Docker's multiplexed stream. */
export function frame(stream: 1 | 2, text: string): Buffer {
  const head = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([head, Buffer.from(text)]);
}

export function fakeBackends(): FakeEngine {
  let waiting: (() => void)[] = [];
  const engine: FakeEngine = {
    calls: [],
    left: false,
    release() {
      for (const go of waiting) go();
      waiting = [];
    },
    backends: {
      ...containersAndExec(),
      system: system(),
      images: images(),
      imageArchives: imageArchives(),
      layers: fakeLayers(),
      receipts: receipts(),
      isolation: { get: async (name) => ({ Name: name }) as Isolation },
      whois: { whois: async (Asked) => ({ Asked, Findings: [] }) },
      reach: { reach: async (Name) => ({ Id: "", Name, Addresses: [], Ports: [], Notes: [] }) },
      doctor: { examine: async () => ({ daemon: true, Findings: [], Unknown: [] }) },
      networks: networks(),
      volumes: volumes(),
      fsck: { check: async () => ({ daemon: true, Findings: [], Unknown: [] }) },
      prunePlans: {
        plan: async () => ({ Version: 1, Engine: "engine", CreatedAt: "", Items: [], Bytes: 0 }),
        apply: async () => ({ Removed: [], Skipped: [], SpaceReclaimed: 0 }),
      },
      trash: {
        list: async () => ({ Items: [], Bytes: 0 }),
        restore: async () => ({ Type: "volume", Names: [], Taken: [] }),
        empty: async () => ({ Items: [], Bytes: 0 }),
        setLocked: (name, locked) => called(`volumes.${locked ? "lock" : "unlock"}`, name),
      },
      resources: resources(),
      ...files(),
      usage: usage(),
      registry: fakeRegistry(called),
    },
  };

  async function called(name: string, id: string, ...rest: unknown[]): Promise<void> {
    engine.calls.push([name, id, ...rest]);
    if (id.startsWith("throw-")) {
      const kind = id.slice("throw-".length) as ErrorKind;
      throw new FathomError(kind, `thrown: ${kind}`);
    }
    if (id === "slow") await new Promise<void>((resolve) => waiting.push(resolve));
  }

  async function untilLeft(signal: AbortSignal): Promise<void> {
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    engine.left = true;
  }

  function containersAndExec(): Pick<Backends, "containers" | "exec"> {
    const attachment = (tty: boolean) => ({ tty, stream: answering(tty) });
    return {
      containers: {
        async create(request, options) {
          engine.calls.push(["containers.create", request, options]);
          return { Id: "c1", Warnings: [] };
        },
        start: (id) => called("containers.start", id),
        stop: (id, options) => called("containers.stop", id, options),
        restart: (id, options) => called("containers.restart", id, options),
        kill: (id, signal) => called("containers.kill", id, signal),
        async wait(id, _, signal) {
          if (id === "lasting") return { exit: untilLeft(signal).then(() => Promise.reject(signal.reason)) };
          return { exit: called("containers.wait", id).then(() => ({ StatusCode: 7 })) };
        },
        rename: (id, name) => called("containers.rename", id, name),
        remove: (id, options) => called("containers.remove", id, options),
        async list(options) {
          engine.calls.push(["containers.list", options]);
          return [];
        },
        async inspect(id) {
          await called("containers.inspect", id);
          return {
            Id: id,
            Config: { Tty: id === "tty" },
            State: { Running: true },
            NetworkSettings: { Networks: {} } as ContainerInspect["NetworkSettings"],
          } as ContainerInspect;
        },
        async logs(id, options) {
          await called("containers.logs", id, options);
          return {
            tty: id === "tty",
            output: once(id === "tty" ? Buffer.from("logged") : frame(1, "logged\n")),
          };
        },
        async attach(id, options) {
          await called("containers.attach", id, options);
          return attachment(id === "tty");
        },
        resize: (id, size) => called("containers.resize", id, size),
        async top(id, psArgs) {
          await called("containers.top", id, psArgs);
          return { Titles: ["PID"], Processes: [["1"]] };
        },
      },
      exec: {
        async create(id, request) {
          await called("exec.create", id, request);
          return { Id: "e1" };
        },
        async start(id, options) {
          await called("exec.start", id, options);
          return attachment(options.tty);
        },
        startDetached: (id) => called("exec.startDetached", id),
        resize: (id, size) => called("exec.resize", id, size),
        async inspect(id) {
          await called("exec.inspect", id);
          throw new FathomError("not-found", `No such exec instance: ${id}`);
        },
      },
    };
  }

  function system(): Backends["system"] {
    return {
      version: async () =>
        ({ Version: "0", ApiVersion: "1.51", Os: "linux", Arch: "amd64" }) as SystemVersion,
      info: async () => ({ ID: "fake" }) as SystemInfo,
      async *events(_, signal) {
        yield { Type: "container", Action: "start" } as EventMessage;
        await untilLeft(signal);
      },
    };
  }

  function images(): Backends["images"] {
    return {
      async import(archive, options) {
        let size = 0;
        for await (const piece of archive) size += piece.length;
        engine.calls.push(["images.import", options]);
        return { id: `sha256:${size}` };
      },
      download: async (url) => once(Buffer.from(url)),
      list: async () => [],
      async inspect(name) {
        await called("images.inspect", name);
        return { Id: name } as ImageInspect;
      },
      tag: (name, reference) => called("images.tag", name, reference),
      async remove(name, options) {
        await called("images.remove", name, options);
        return [];
      },
    };
  }

  function imageArchives(): Backends["imageArchives"] {
    return {
      async load(archive, { tell, ...options }) {
        let size = 0;
        for await (const piece of archive) size += piece.length;
        engine.calls.push(["imageArchives.load", options]);
        tell({ stream: `Loaded ${size} bytes\n` });
        if (size === 0) throw new FathomError("invalid", "the archive is empty");
      },
      async save(names, options) {
        await called("imageArchives.save", names.join(), options);
        return {
          archive: once(Buffer.from("archive")),
          [Symbol.dispose]: () => void engine.calls.push(["let go"]),
        };
      },
      async history(name, options) {
        await called("imageArchives.history", name, options);
        return [{ Id: name, Created: 1, CreatedBy: "", Tags: null, Size: 2, Comment: "c" }];
      },
    };
  }

  function receipts(): Backends["receipts"] {
    return {
      get: async (id) => ({ Id: id, Name: `/${id}`, Steps: [] }),
      tell: async () => once("mounted /proc\n"),
    };
  }

  function networks(): Backends["networks"] {
    return {
      async list(filters) {
        engine.calls.push(["networks.list", filters]);
        return [];
      },
      async inspect(name) {
        throw new FathomError("not-found", `network ${name} not found`);
      },
      async create(request) {
        engine.calls.push(["networks.create", request]);
        return "n1";
      },
      remove: (name) => called("networks.remove", name),
      connect: (container, network, wish) => called("networks.connect", container, network, wish),
      disconnect: (container, network, how) => called("networks.disconnect", container, network, how),
    };
  }

  function volumes(): Backends["volumes"] {
    const volume: Volume = {
      CreatedAt: "2026-01-02T03:04:05Z",
      Driver: "local",
      Labels: null,
      Mountpoint: "/v/_data",
      Name: "v",
      Options: null,
      Scope: "local",
    };
    return {
      async create(request) {
        engine.calls.push(["volumes.create", request]);
        return volume;
      },
      inspect(name) {
        if (name === "throw-not-found") throw new FathomError("not-found", "thrown: not-found");
        return volume;
      },
      list(filters) {
        engine.calls.push(["volumes.list", filters]);
        return { Volumes: [volume], Warnings: null };
      },
      remove: (name) => called("volumes.remove", name),
      async prune(filters, options) {
        engine.calls.push(["volumes.prune", filters, options]);
        return { VolumesDeleted: [], SpaceReclaimed: 0 };
      },
    };
  }

  function resources(): Backends["resources"] {
    return {
      pause: (id) => called("resources.pause", id),
      unpause: (id) => called("resources.unpause", id),
      async update(id, request) {
        await called("resources.update", id, request);
        return { Warnings: [] };
      },
      async stats(id, how) {
        await called("resources.stats", id, how);
        return once({ id } as ContainerStats);
      },
    };
  }

  function usage(): Backends["usage"] {
    return {
      async diskUsage(kinds) {
        engine.calls.push(["usage.diskUsage", [...kinds]]);
        return { LayersSize: 0, Images: null, Containers: null, Volumes: null, BuildCache: null };
      },
    };
  }

  function files(): Pick<Backends, "files" | "commits" | "prune"> {
    const stat = { name: "f", size: 3, mode: 420, mtime: "2020-01-01T00:00:00Z", linkTarget: "" };
    return {
      files: {
        async stat(id, path) {
          await called("files.stat", id, path);
          return stat;
        },
        async pack(id, path) {
          await called("files.pack", id, path);
          return { stat, archive: once(Buffer.from("archive")) };
        },
        async unpack(id, { path, archive }, options) {
          let size = 0;
          for await (const piece of archive) size += piece.length;
          await called("files.unpack", id, path, size, options);
        },
        async changes(id) {
          await called("files.changes", id);
          return id === "unchanged" ? [] : [{ Path: "/f", Kind: 1 }];
        },
        async exported(id) {
          await called("files.exported", id);
          return once(Buffer.from("archive"));
        },
      },
      commits: {
        async commit(id, options) {
          await called("commits.commit", id, options);
          return "sha256:1";
        },
      },
      prune: {
        async pruneContainers(filters) {
          engine.calls.push(["prune.pruneContainers", filters]);
          return { ContainersDeleted: null, SpaceReclaimed: 0 };
        },
        pruneImages: async () => ({ ImagesDeleted: null, SpaceReclaimed: 0 }),
        pruneNetworks: async () => ({ NetworksDeleted: null }),
        pruneBuildCache: async () => ({ CachesDeleted: null, SpaceReclaimed: 0 }),
      },
    };
  }

  return engine;
}

async function* once<T>(value: T): AsyncIterable<T> {
  yield value;
}

/** A program that reads its input to the end and then says what it got. */
function answering(tty: boolean): Duplex {
  let input = "";
  return new Duplex({
    read: () => undefined,
    write(chunk: Buffer, _, done) {
      input += chunk.toString();
      done();
    },
    final(done) {
      this.push(tty ? `got ${input}` : frame(1, `got ${input}`));
      this.push(null);
      done();
    },
  });
}
