/**
 * Looking into a container's files, whatever it is doing.
 *
 * One that runs is seen as its own processes see it; of one that does not, the snapshot is mounted for as long as somebody looks.
 * A daemon that is killed meanwhile leaves that mount, which the next start of the container takes over or its removal undoes.
 */

import { type Container, nameOf } from "../container.ts";
import type { Context } from "../context.ts";
import { exists } from "../exists.ts";
import { isUp } from "../state.ts";
import type { FileView, ViewOptions } from "./needs.ts";

/** How many look into a container now. */
const lookers = new WeakMap<Container, number>();

/** Something of a container that is mounted as long as it is held. */
export interface Held<T> extends AsyncDisposable {
  readonly value: T;
}

/** Its files with all that is mounted in it. */
export async function openView(context: Context, container: Container): Promise<Held<FileView>> {
  await using undo = new AsyncDisposableStack();
  const open = async () => {
    const sources = await placeMounts(context, container, undo);
    return context.options.files.open(nameOf(container).id, await viewOptions(container, sources));
  };
  const held = await hold(context, container, open);
  const placed = undo.move();
  return {
    value: held.value,
    [Symbol.asyncDispose]: async () => {
      held.value[Symbol.dispose]();
      await placed.disposeAsync();
      await held[Symbol.asyncDispose]();
    },
  };
}

/** Volumes and the like are in place in one that runs; for another they are put there as for a start, until `stack` ends. */
async function placeMounts(
  context: Context,
  container: Container,
  stack: AsyncDisposableStack,
): Promise<ReadonlyMap<string, string>> {
  const { config, state } = container.record;
  if (state.Pid > 0 || config.MountPoints.length === 0) return new Map();
  const { prepareMounts } = await import("../mounts/sources.ts");
  return prepareMounts(context, container, { staged: stack, undo: stack });
}

/** The path of its root as the snapshot has it, without what is mounted in it. */
export function holdRoot(context: Context, container: Container): Promise<Held<string>> {
  return hold(context, container, () => context.options.images.mount(nameOf(container).id));
}

/** `open` mounts; the mount stays until the last holder lets go, and longer while the container is up. */
async function hold<T>(context: Context, container: Container, open: () => Promise<T>): Promise<Held<T>> {
  count(container, 1);
  const letGo = async () => {
    count(container, -1);
    await container.exclusive(() => unmountUnused(context, container));
  };
  try {
    const value = await container.exclusive(async () => {
      await container.released;
      return context.options.receipts.record(nameOf(container).id, open);
    });
    return { value, [Symbol.asyncDispose]: letGo };
  } catch (error) {
    await letGo();
    throw error;
  }
}

function count(container: Container, more: 1 | -1): void {
  lookers.set(container, (lookers.get(container) ?? 0) + more);
}

async function unmountUnused(context: Context, container: Container): Promise<void> {
  if ((lookers.get(container) ?? 0) > 0 || isUp(container.record.state.Status)) return;
  await context.options.images.unmount(nameOf(container).id);
}

async function viewOptions(
  { record, paths }: Container,
  sources: ReadonlyMap<string, string>,
): Promise<ViewOptions> {
  const { config, host, state } = record;
  const user = config.MountPoints.filter(({ Type: type, Source }) => type !== "tmpfs" && Source !== "").map(
    ({ Source, Destination, RW }) => ({
      source: sources.get(Destination) ?? Source,
      target: Destination,
      readOnly: !RW,
    }),
  );
  const taken = new Set(user.map(({ target }) => target));
  const own = [
    { source: paths.resolv, target: "/etc/resolv.conf" },
    { source: paths.hostname, target: "/etc/hostname" },
    { source: paths.hosts, target: "/etc/hosts" },
  ].filter(({ target }) => !taken.has(target));
  const present = await Promise.all(own.map(({ source }) => exists(source)));
  const files = own
    .filter((_, index) => present[index])
    .map((file) => ({ ...file, readOnly: host.ReadonlyRootfs }));
  const mounts = [...user, ...files].sort((a, b) => depth(a.target) - depth(b.target));
  return { ...(state.Pid > 0 && { pid: state.Pid }), mounts, readOnly: host.ReadonlyRootfs };
}

function depth(path: string): number {
  return path.split("/").length;
}
