/** Whose a path is: below the engine's directories by where it lies, elsewhere by what containers have mounted. */

import { readlink, realpath, stat } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import type { WhoisFinding } from "../../spec/whois.ts";
import { ifAbsent } from "../../std/absent.ts";
import { containerOf, type Known, shown } from "./known.ts";

type Found = Pick<WhoisFinding, "Sentence" | "Container">;

export async function pathFindings(known: Known, asked: string): Promise<WhoisFinding[]> {
  const path = await realpath(asked).catch(ifAbsent(undefined));
  if (path === undefined) return [];
  const parts = (root: string): string[] | undefined => {
    const rest = relative(root, path);
    return rest.startsWith("..") ? undefined : rest.split("/");
  };
  const [dataRoot, execRoot] = await Promise.all(
    [known.dataRoot, known.execRoot].map((root) => realpath(root).catch(() => root)),
  );
  const [data, exec] = [parts(dataRoot ?? known.dataRoot), parts(execRoot ?? known.execRoot)];
  const found = [
    ...(data === undefined ? [] : await inDataRoot(known, data)),
    ...(exec === undefined ? [] : inExecRoot(known, exec)),
    ...(path.startsWith("/sys/fs/cgroup/") ? inCgroups(known, path) : []),
    ...(data === undefined ? mountedBy(known, path) : []),
  ];
  // It need not exist any more to have belonged to somebody.
  const isDirectory = (await stat(path).catch(() => undefined))?.isDirectory() === true;
  const See = `ls -l${isDirectory ? "d" : ""} ${asked}`;
  return found.map((one) => ({ Kind: "path", Subject: asked, See, ...one }));
}

/** By the layout of docs/on-disk.md. */
async function inDataRoot(known: Known, [kind = "", name = "", ...rest]: string[]): Promise<Found[]> {
  switch (kind) {
    case "containers":
      if (name === "") return [{ Sentence: "has a directory for each container" }];
      return [{ Sentence: inContainer(name, rest), ...containerOf(known, name) }];
    case "volumes":
      if (name === "") return [{ Sentence: "has a directory for each volume" }];
      return ofVolume(known, name);
    case "layers":
      return name === "" ? [{ Sentence: "has a directory for each layer" }] : ofLayer(known, name);
    case "networks": {
      const network = known.wiring.networks.find(({ id }) => name === `${id}.json`);
      return [
        {
          Sentence: network
            ? `is the record of the network ${network.network}`
            : "has the records of networks",
        },
      ];
    }
    case "images":
      return [
        { Sentence: name === "blobs" ? "is of the images' store of blobs" : "is of the images' store" },
      ];
    default:
      return [{ Sentence: kind === "" ? "is this engine's data root" : "is this engine's" }];
  }
}

const PARTS: Readonly<Record<string, string>> = {
  rw: "is what the container has written",
  rootfs: "is of the container's root, as it is mounted",
  work: "is overlayfs's scratch directory",
  "config.json": "is what was asked for when the container was made",
  "hostconfig.json": "says how the container is run on this host",
  "state.json": "is the state of the container",
  "exit.json": "says how the container ended",
  "receipt.jsonl": "is the receipt of what was done on the kernel",
  hostname: "is the container's /etc/hostname",
  hosts: "is the container's /etc/hosts",
  "resolv.conf": "is the container's /etc/resolv.conf",
  "shim.log": "is what the shim had nobody to tell",
};

function inContainer(id: string, [part = ""]: string[]): string {
  if (part === "") return "is the container's directory";
  if (part.startsWith(`${id}-json.log`) || part === "local-logs") return "is the container's log";
  return PARTS[part] ?? "is of the container's directory";
}

function ofVolume({ containers }: Known, name: string): Found[] {
  const users = containers.filter(({ Mounts }) => Mounts.some((mount) => mount.Name === name));
  if (users.length === 0) return [{ Sentence: `is of the volume ${name}, which no container uses` }];
  return users.map((container) => {
    const { Destination } = container.Mounts.find((mount) => mount.Name === name) ?? {};
    return {
      Sentence: `is of the volume ${name}, which ${container.Name} has at ${Destination}`,
      ...shown(container),
    };
  });
}

/** Each container's directory has a link to its topmost layer, and each layer one to the layer below. */
async function ofLayer({ dataRoot, containers }: Known, layer: string): Promise<Found[]> {
  const users: typeof containers = [];
  for (const container of containers) {
    let at = join(dataRoot, "containers", container.Id);
    for (let name = await below(at); name !== undefined; name = await below(at)) {
      at = join(dataRoot, "layers", name);
      if (name === layer) users.push(container);
    }
  }
  if (users.length === 0) return [{ Sentence: "is of a layer of an image that no container is made of" }];
  return users.map((one) => ({
    Sentence: `is of a layer of ${one.Image}, below ${one.Name}`,
    ...shown(one),
  }));
}

async function below(directory: string): Promise<string | undefined> {
  // The lowest layer stands on none.
  const target = await readlink(join(directory, "parent")).catch(() => undefined);
  return target === undefined ? undefined : basename(target);
}

function inExecRoot(known: Known, [kind = "", name = ""]: string[]): Found[] {
  const end = known.wiring.endpoints.find(({ key }) => basename(key) === name);
  switch (kind) {
    case "bundles":
      return [{ Sentence: "is of the container's OCI bundle", ...containerOf(known, name) }];
    case "sandboxes":
      return [
        { Sentence: "says how the container is connected", ...containerOf(known, basename(name, ".json")) },
      ];
    case "netns":
      return end === undefined
        ? [{ Sentence: "has the network namespaces of containers" }]
        : [{ Sentence: "is the container's network namespace", ...containerOf(known, end.container) }];
    case "shims":
      return [{ Sentence: "is where a shim of this engine listens" }];
    default:
      return [{ Sentence: "is of what this engine needs while it runs" }];
  }
}

function inCgroups({ containers }: Known, path: string): Found[] {
  return containers
    .filter(({ Id }) => path.includes(Id))
    .map((one) => ({ Sentence: `is of the control group of ${one.Name}`, ...shown(one) }));
}

/** The longest of a container's mounts that the path is below. */
function mountedBy({ containers }: Known, path: string): Found[] {
  return containers.flatMap((one) => {
    const [mount] = one.Mounts.filter(({ Source }) => Source === path || path.startsWith(`${Source}/`)).sort(
      (a, b) => b.Source.length - a.Source.length,
    );
    if (mount === undefined || mount.Source === "") return [];
    const how = mount.RW ? "may write to it" : "may only read it";
    return [{ Sentence: `is mounted in ${one.Name} at ${mount.Destination}, which ${how}`, ...shown(one) }];
  });
}
