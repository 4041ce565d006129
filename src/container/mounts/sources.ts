/**
 * What must be in place on the host before a container's mounts can be made, and what is given back when it has ended.
 *
 * Parts of volumes and files of images are shown below the container's own directory while the runtime clones them from
 * there, and are taken away at once: the container keeps its clone.
 */

import { mkdir, readdir, rmdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { IdMaps } from "../../spec/oci_runtime.ts";
import { codeOf, ifAbsent } from "../../std/absent.ts";
import { FathomError } from "../../std/errors.ts";
import { type Container, nameOf } from "../container.ts";
import type { Context } from "../context.ts";
import type { RecordPaths } from "../records.ts";
import { giveToRoot } from "../user_namespace.ts";
import type { HostMounts } from "./needs.ts";
import type { MountRecord } from "./record.ts";

/** A start and somebody who looks into the container's files must not share a place. */
let serial = 0;

/** Of whoever has the mounts prepared. */
interface Stacks {
  /** What the start alone needs: to be disposed of once the program runs. */
  staged: AsyncDisposableStack;
  /** What lasts until the program has ended. */
  undo: AsyncDisposableStack;
}

/**
 * Puts what is to be mounted in place, and gives where each lies that is not at its record's Source, by destination.
 * @throws {FathomError} of whatever cannot be mounted
 */
export async function prepareMounts(
  context: Context,
  container: Container,
  stacks: Stacks,
): Promise<Map<string, string>> {
  const sources = new Map<string, string>();
  const { MountPoints } = container.record.config;
  for (const [index, point] of MountPoints.entries()) {
    checkPropagation(context, point);
    const target = join(stagingOf(container.paths.directory), `${serial++}-${index}`);
    const source = await sourceOf(context, container, { point, target, stacks });
    if (source !== undefined) sources.set(point.Destination, source);
  }
  return sources;
}

function stagingOf(directory: string): string {
  return join(directory, "mounts");
}

async function sourceOf(
  { options: { mounts, volumes } }: Context,
  container: Container,
  { point, target, stacks }: { point: MountRecord; target: string; stacks: Stacks },
): Promise<string | undefined> {
  const { subpath, createSource } = point.Details ?? {};
  if (createSource) await makeSource(point.Source, container.record.config.IdMaps);
  if (point.Type === "volume") {
    const { Name: name = "", Destination: destination, RW: writable, Propagation: propagation } = point;
    const user = nameOf(container).id;
    const place = await volumes.mount({ name, user, destination, writable, propagation });
    stacks.undo.defer(() => volumes.unmount(name, user));
    if (subpath === undefined) return place;
    return stage(mounts, stacks, { target, make: () => mounts.bindSubpath(place, subpath, target) });
  }
  if (point.Type !== "image") return undefined;
  const whole = `${target}.image`;
  const root = await stage(mounts, stacks, {
    target: whole,
    make: async () => {
      await mkdir(whole, { recursive: true, mode: 0o700 });
      await mounts.mountImage(point.Source, whole);
    },
  });
  if (subpath === undefined) return root;
  return stage(mounts, stacks, { target, make: () => mounts.bindSubpath(root, subpath, target) });
}

async function stage(
  mounts: HostMounts,
  { staged }: Stacks,
  { target, make }: { target: string; make: () => Promise<void> },
): Promise<string> {
  await mkdir(join(target, ".."), { recursive: true, mode: 0o700 });
  staged.defer(async () => removeStaged(mounts, target).catch(ifAbsent(undefined)));
  await make();
  return target;
}

/** `-v` makes a directory of the host that is missing. */
export async function makeSource(path: string, idMaps: IdMaps | undefined): Promise<void> {
  const made = await mkdir(path, { recursive: true }).catch((cause: NodeJS.ErrnoException) => {
    // It is a file.
    if (cause.code === "EEXIST") return undefined;
    throw new FathomError("invalid", `error while creating mount source path '${path}': ${cause.message}`, {
      cause,
    });
  });
  if (made !== undefined) await giveToRoot(idMaps, [path]);
}

/** Mounts can pass only where the mount that holds the source lets them pass (mount_namespaces(7)). */
function checkPropagation({ options }: Context, { Type, Source, Propagation }: MountRecord): void {
  const wanted = Propagation.replace(/^r/, "");
  if (Type !== "bind" || (wanted !== "shared" && wanted !== "slave")) return;
  const { mountPoint, shared, slave } = options.mounts.propagationOf(Source);
  if (shared || (wanted === "slave" && slave)) return;
  const needed = wanted === "shared" ? "shared" : "shared or slave";
  throw new FathomError(
    "invalid",
    `path ${Source} is mounted on ${mountPoint} but it is not a ${needed} mount`,
  );
}

/** The program has ended: it sees no volume any more. */
export async function releaseMounts(context: Context, container: Container): Promise<void> {
  const user = nameOf(container).id;
  for (const name of volumesOf(container)) await context.options.volumes.unmount(name, user);
}

/** Names of its volumes, one for each mount. */
export function volumesOf({ record }: Container): string[] {
  return record.config.MountPoints.flatMap(({ Type, Name }) =>
    Type === "volume" && Name !== undefined ? [Name] : [],
  );
}

/**
 * Takes away what a start has left below a container's directory. Whoever removes that directory calls this first, as what is
 * mounted there is not the container's own; and nothing here is removed recursively.
 */
export async function clearStaging({ options }: Context, { directory }: RecordPaths): Promise<void> {
  const staging = stagingOf(directory);
  const names = await readdir(staging).catch(ifAbsent(undefined));
  if (names === undefined) return;
  // Parts of images before the images.
  for (const name of names.sort()) await removeStaged(options.mounts, join(staging, name));
  await rmdir(staging);
}

/** A place is a directory, or a file for a part of a volume that is one. */
async function removeStaged(mounts: HostMounts, place: string): Promise<void> {
  mounts.unmount(place);
  await rmdir(place).catch(async (error) => {
    if (codeOf(error) !== "ENOTDIR") throw error;
    await unlink(place);
  });
}
