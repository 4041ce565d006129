/**
 * The trash: what was removed and may be had back for a while. Volumes and images keep what they removed; here is decided how long.
 *
 * Nothing of it is kept in memory: what waits, and since when, is asked of those who keep it.
 */

import { statfs } from "node:fs/promises";
import type { KeptItem, Restored, Trash, TrashItem } from "../spec/trash.ts";
import { FathomError, messageOf } from "../std/errors.ts";
import { mutex } from "../std/mutex.ts";
import type { TrashSettings } from "./trash_flags.ts";

/** Whoever keeps what was removed of one kind. */
export interface TrashKeeper {
  list(): Promise<TrashItem[]>;
  restore(id: string): Promise<Restored>;
  /** Deletes them for good; those that are gone are no error. */
  erase(ids: readonly string[]): Promise<void>;
}

export interface TrashOptions {
  keepers: Record<TrashItem["Type"], TrashKeeper>;
  settings: TrashSettings;
  dataRoot: string;
  warn: (sentence: string) => void;
}

export interface TrashCan extends Disposable {
  list(): Promise<Trash>;
  /** @throws {FathomError} not-found; conflict, when a volume of that name is there */
  restore(id: string): Promise<Restored>;
  /** Deletes all, or what the IDs name; gives what that was. @throws {FathomError} not-found, when there is no such thing */
  empty(ids: readonly string[]): Promise<Trash>;
  /** Deletes what has waited long enough, or for which there is no room. */
  tidy(): Promise<void>;
}

/** Between looks at what has waited long enough, in milliseconds. */
const PERIOD = 30_000;
/** Part of the disk that is to be free: with less, nothing waits. */
const LOW = 0.05;

export function openTrash(options: TrashOptions): TrashCan {
  const exclusive = mutex();
  const tidy = () => exclusive(() => tidyUp(options));
  const quietly = () =>
    void tidy().catch((error) => options.warn(`the trash cannot be tidied: ${messageOf(error)}`));
  const timer = setInterval(quietly, PERIOD);
  timer.unref();
  quietly();
  return {
    list: async () => trashOf(withEnds(await itemsOf(options), options.settings)),
    restore: (id) => exclusive(() => restore(options, id)),
    empty: (ids) => exclusive(() => empty(options, ids)),
    tidy,
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

async function itemsOf({ keepers }: TrashOptions): Promise<TrashItem[]> {
  const lists = await Promise.all(Object.values(keepers).map((keeper) => keeper.list()));
  return lists.flat().sort((a, b) => (a.RemovedAt < b.RemovedAt ? -1 : 1));
}

function withEnds(items: readonly TrashItem[], { keep }: TrashSettings): KeptItem[] {
  return items.map((item) => ({
    ...item,
    Until: new Date(Date.parse(item.RemovedAt) + keep).toISOString(),
  }));
}

function trashOf(items: KeptItem[]): Trash {
  return { Items: items, Bytes: items.reduce((sum, { Bytes }) => sum + Bytes, 0) };
}

async function restore(options: TrashOptions, id: string): Promise<Restored> {
  const found = (await itemsOf(options)).find(({ ID }) => ID === id);
  if (found === undefined) throw notThere(id);
  return options.keepers[found.Type].restore(id);
}

async function empty(options: TrashOptions, ids: readonly string[]): Promise<Trash> {
  const items = await itemsOf(options);
  const missing = ids.find((id) => !items.some(({ ID }) => ID === id));
  if (missing !== undefined) throw notThere(missing);
  const going = ids.length === 0 ? items : items.filter(({ ID }) => ids.includes(ID));
  await erase(options, going);
  return trashOf(withEnds(going, options.settings));
}

function notThere(id: string): FathomError {
  return new FathomError("not-found", `there is no ${id} in the trash: 'fathom trash ls' shows what is`);
}

async function tidyUp(options: TrashOptions): Promise<void> {
  const items = await itemsOf(options);
  if (items.length === 0) return;
  const { bavail, blocks } = await statfs(options.dataRoot);
  const isLow = bavail < blocks * LOW;
  await erase(options, dueOf(items, { ...options.settings, now: Date.now(), isLow }));
}

/** What has to go, of items by age, the oldest first. Pure. Exported for its test. @internal */
export function dueOf(
  items: readonly TrashItem[],
  { keep, maxBytes, now, isLow }: TrashSettings & { now: number; isLow: boolean },
): TrashItem[] {
  const kept: TrashItem[] = [];
  let bytes = 0;
  for (const item of items.toReversed()) {
    const isOver = Date.parse(item.RemovedAt) + keep <= now;
    if (isLow || isOver || bytes + item.Bytes > maxBytes) continue;
    kept.push(item);
    bytes += item.Bytes;
  }
  return items.filter((item) => !kept.includes(item));
}

async function erase({ keepers }: TrashOptions, items: readonly TrashItem[]): Promise<void> {
  for (const type of ["image", "volume"] as const) {
    const ids = items.filter(({ Type }) => Type === type).map(({ ID }) => ID);
    if (ids.length > 0) await keepers[type].erase(ids);
  }
}
