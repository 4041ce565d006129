/**
 * Decides what a container that is being made has mounted where, and makes the volumes for it.
 *
 * Docker's order, the later taking the earlier one's place: what other containers have (`--volumes-from`), `-v`, `--mount`; at
 * last anonymous volumes where the request or the image declares some and nothing else is mounted.
 */

import { rm, writeFile } from "node:fs/promises";
import { FathomError, kindOf, messageOf } from "../../std/errors.ts";
import { type Container, nameOf } from "../container.ts";
import type { Context } from "../context.ts";
import { inventId } from "../names.ts";
import { anonymousNote } from "../records.ts";
import { declaredVolume, readVolumesFrom, type WantedMount } from "./notation.ts";
import type { MountRecord } from "./record.ts";

/**
 * Puts the mounts into the container's record. What it makes is registered with `undo`. The snapshot is there, and not mounted.
 * @throws {FathomError}
 */
export async function attachMounts(
  context: Context,
  container: Container,
  { wanted, undo }: { wanted: readonly WantedMount[]; undo: AsyncDisposableStack },
): Promise<void> {
  const { config } = container.record;
  const chosen = choose(context, container, wanted);
  await noteAnonymous(container, chosen);
  for (const { record, volume } of chosen) {
    if (record.Type === "image") record.Source = await imageOf(context, record);
    else if (record.Type === "volume") await makeVolume(context, container, { record, volume, undo });
  }
  config.MountPoints = chosen.map(({ record }) => record);
  await populate(context, container, chosen);
}

/** One for each destination. */
function choose(context: Context, container: Container, wanted: readonly WantedMount[]): WantedMount[] {
  const { host, config } = container.record;
  const chosen = new Map<string, WantedMount>();
  for (const one of (host.VolumesFrom ?? []).flatMap((text) => mountsOf(context, text)))
    chosen.set(one.record.Destination, one);
  for (const one of wanted) chosen.set(one.record.Destination, one);
  for (const path of Object.keys(config.Config.Volumes ?? {})) {
    const one = declaredVolume(path, host.VolumeDriver);
    const { Destination } = one.record;
    if (!chosen.has(Destination) && host.Tmpfs?.[Destination] === undefined) chosen.set(Destination, one);
  }
  return [...chosen.values()];
}

/** What another container has mounted; a tmpfs is its own alone. */
function mountsOf(context: Context, text: string): WantedMount[] {
  const from = readVolumesFrom(text);
  const { record } = findContainer(context, from.container);
  return record.config.MountPoints.filter(({ Type }) => Type !== "tmpfs").map((point) => {
    const copy: MountRecord = { ...point, Mode: "", RW: point.RW && from.writable };
    if (point.Type !== "volume") return { record: copy };
    return { record: copy, volume: { request: { Name: point.Name ?? "" }, copy: false } };
  });
}

function findContainer(context: Context, name: string): Container {
  try {
    return context.registry.find(name);
  } catch (cause) {
    return asInvalid(cause);
  }
}

/** Their names are on disk before they are made: whoever finds the container unfinished removes them. */
async function noteAnonymous({ paths }: Container, chosen: readonly WantedMount[]): Promise<void> {
  const fresh = chosen.filter(({ volume }) => volume?.request.Name === "");
  for (const { record } of fresh) record.Name = inventId();
  const names = fresh.map(({ record }) => record.Name);
  if (names.length > 0) await writeFile(anonymousNote(paths), JSON.stringify(names), { flush: true });
}

/** The container is whole: its anonymous volumes are no longer left over from its making. */
export async function keepAnonymous({ paths }: Container): Promise<void> {
  await rm(anonymousNote(paths), { force: true });
}

async function makeVolume(
  { options: { volumes } }: Context,
  container: Container,
  { record, volume, undo }: Pick<WantedMount, "record" | "volume"> & { undo: AsyncDisposableStack },
): Promise<void> {
  const { id } = nameOf(container);
  const anonymous = volume?.request.Name === "";
  const request = { ...volume?.request, Name: record.Name ?? "" };
  const made = await volumes.create(request, { user: id, anonymous }).catch(asInvalid);
  undo.defer(async () => {
    volumes.release(made.Name, id);
    if (anonymous) await volumes.remove(made.Name);
  });
  Object.assign(record, { Driver: made.Driver, Source: made.Mountpoint });
}

async function imageOf({ options }: Context, { Name = "" }: MountRecord): Promise<string> {
  return (await options.images.resolve(Name).catch(asInvalid)).id;
}

/** Something that is named in a request and missing is not "not found", which the docker command answers by pulling the image. */
function asInvalid(cause: unknown): never {
  if (kindOf(cause) === "not-found") throw new FathomError("invalid", messageOf(cause), { cause });
  throw cause;
}

/** Copies what the image has at the places of volumes into those that are empty. */
async function populate(
  { options: { images, volumes } }: Context,
  container: Container,
  chosen: readonly WantedMount[],
): Promise<void> {
  const { id } = nameOf(container);
  const copied = chosen.filter(({ volume }) => volume?.copy);
  if (copied.length === 0) return;
  await using mounted = new AsyncDisposableStack();
  let root: Promise<string> | undefined;
  const mount = (): Promise<string> => {
    mounted.defer(() => (root === undefined ? Promise.resolve() : images.unmount(id)));
    root ??= images.mount(id);
    return root;
  };
  for (const { record } of copied)
    await volumes.populate(record.Name ?? "", { root: mount, path: record.Destination });
}
