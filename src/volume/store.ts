/** The volumes of an engine: what they are from disk, who uses them from the containers that tell of it. */

import { mkdir, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { bytesBelow, mountpoints } from "../kernel/mod.ts";
import type { Volume, VolumeCreateRequest, VolumePruneResponse } from "../spec/docker_volume.ts";
import type { Restored } from "../spec/trash.ts";
import { FathomError, kindOf, messageOf } from "../std/errors.ts";
import { type Mutex, mutex } from "../std/mutex.ts";
import { rfc3339, wallClock } from "../std/time.ts";
import { listTest, pruneTest, wantsAll } from "./_filters.ts";
import { mountVolume, unmountVolume } from "./_mounts.ts";
import { ANONYMOUS_LABEL, checkName, inventName } from "./_names.ts";
import { checkOptions } from "./_options.ts";
import { finishCopy, populateDirectory, type Source } from "./_populate.ts";
import {
  dataOf,
  hideDirectory,
  isLocked,
  type Owner,
  readVolumes,
  setLocked,
  type VolumeRecord,
  writeVolume,
} from "./_record.ts";
import { forgetNote, hideTrashed, moveToTrash, readTrash, takeFromTrash } from "./_trash.ts";
import type { Filters, Measure, Mounting, VolumeCandidate, Volumes } from "./contract.ts";

export interface VolumesOptions {
  /** Directory of all volumes, `<data-root>/volumes`. */
  root: string;
  emit: (event: { action: string; id: string; attributes: Record<string, string> }) => void;
  /** Takes one sentence for the log. */
  warn: (sentence: string) => void;
  /** Whom a new volume belongs to; absent: root. */
  owner?: Owner | undefined;
}

interface Entry {
  record: VolumeRecord;
  locked: boolean;
  /** Containers that use it, with the number of mounts that each has of it now. */
  users: Map<string, number>;
  /** Copying, mounting, unmounting and removing run one at a time. */
  exclusive: Mutex;
}

interface State extends VolumesOptions {
  entries: Map<string, Entry>;
  /** Names come and go one at a time. */
  exclusive: Mutex;
}

const LOCAL = "local";

/** Opens the volumes below `root`, and brings to an end what an engine that was killed left half-way. */
export async function openVolumes(options: VolumesOptions): Promise<Volumes> {
  await mkdir(options.root, { recursive: true, mode: 0o711 });
  const records = await readVolumes(options.root, options.warn);
  await Promise.all(records.map((record) => finish(options, record)));
  const entries = new Map(
    await Promise.all(
      records.map(async (record): Promise<[string, Entry]> => {
        const locked = await isLocked(options.root, record.Name);
        return [record.Name, { ...entryOf(record), locked }];
      }),
    ),
  );
  const state: State = { ...options, entries, exclusive: mutex() };
  return {
    create: (request, options = {}) => create(state, request, options),
    inspect: (name) => shown(state, find(state, name).record),
    list: (filters) => list(state, filters),
    remove: (name) => remove(state, name),
    discard: (name, how) => discard(state, name, how),
    candidates: (filters, how) => candidates(state, filters, how),
    setLocked: (name, locked) => state.exclusive(() => lock(state, find(state, name), locked)),
    trash: {
      list: () => readTrash(state.root),
      restore: (id) => state.exclusive(() => restore(state, id)),
      erase: (id) => erase(state, id),
    },
    prune: (filters, { all }) => prune(state, filters, all),
    usage: (measure) =>
      Promise.all([...state.entries.values()].map((entry) => usageOf(state, entry, measure))),
    hold: (name, user, { mounted }) => void state.entries.get(name)?.users.set(user, mounted),
    release: (name, user) => void state.entries.get(name)?.users.delete(user),
    mount: (mounting) => mount(state, mounting),
    unmount: (name, user) => unmount(state, name, user),
    populate: (name, source) => populate(state, name, source),
    settle: () => settle(state),
  };
}

/** A volume whose files cannot be seen to stops nobody else's. */
async function finish({ root, warn }: VolumesOptions, { Name }: VolumeRecord): Promise<void> {
  await forgetNote(root, Name);
  await finishCopy(join(root, Name)).catch((error) =>
    warn(`volume ${Name}: what was being copied into it cannot be finished: ${messageOf(error)}`),
  );
}

function entryOf(record: VolumeRecord): Entry {
  return { record, locked: false, users: new Map(), exclusive: mutex() };
}

function find({ entries }: State, name: string): Entry {
  const entry = entries.get(name);
  if (entry === undefined) throw new FathomError("not-found", `get ${name}: no such volume`);
  return entry;
}

function shown({ root, entries }: State, record: VolumeRecord): Volume {
  const { CreatedAt, Driver, Labels, Name, Options } = record;
  const volume: Volume = {
    ...{ CreatedAt, Driver, Labels, Mountpoint: dataOf(root, Name), Name, Options },
    Scope: "local",
  };
  return entries.get(Name)?.locked === true ? { ...volume, Status: { Locked: true } } : volume;
}

function create(
  state: State,
  request: VolumeCreateRequest,
  { user, anonymous = false }: { user?: string; anonymous?: boolean },
): Promise<Volume> {
  const { Name: name = "", Driver: driver = "", DriverOpts: options, Labels: labels } = request;
  const record: VolumeRecord = {
    Name: name || inventName(),
    Driver: driver || LOCAL,
    CreatedAt: new Date().toISOString().replace(/\.\d+Z$/, "Z"),
    Labels: name === "" || anonymous ? { ...labels, [ANONYMOUS_LABEL]: "" } : (labels ?? null),
    Options: options ?? null,
  };
  return state.exclusive(async () => {
    const known = state.entries.get(record.Name);
    const entry = known ?? entryOf(record);
    checkDriver(record);
    if (known === undefined) {
      checkName(record.Name);
      checkOptions(record.Name, record.Options ?? {});
      await writeVolume(state.root, record, state.owner);
      state.entries.set(record.Name, entry);
      state.emit({ action: "create", id: record.Name, attributes: { driver: LOCAL } });
    }
    if (user !== undefined && !entry.users.has(user)) entry.users.set(user, 0);
    return shown(state, entry.record);
  });
}

function checkDriver({ Name, Driver }: VolumeRecord): void {
  if (Driver !== LOCAL)
    throw new FathomError(
      "not-found",
      `create ${Name}: error looking up volume plugin ${Driver}: plugin ${JSON.stringify(Driver)} not found`,
    );
}

function list(state: State, filters: Filters): { Volumes: Volume[]; Warnings: null } {
  const passes = listTest(filters, (name) => (state.entries.get(name)?.users.size ?? 0) > 0);
  const all = [...state.entries.values()].map(({ record }) => shown(state, record));
  const sorted = all.sort((a, b) => (a.Name < b.Name ? -1 : 1));
  return { Volumes: sorted.filter(passes), Warnings: null };
}

/** Nobody waits for the deleting but who asked for it. */
async function remove(state: State, name: string): Promise<void> {
  const gone = await state.exclusive(() =>
    takeAway(state, find(state, name), () => hideDirectory(state.root, name)),
  );
  await rm(gone, { recursive: true, force: true });
}

async function discard(
  state: State,
  name: string,
  { reason, createdAt }: { reason: string; createdAt?: string },
): Promise<void> {
  const entry = find(state, name);
  checkFree(entry);
  if (createdAt !== undefined && createdAt !== entry.record.CreatedAt)
    throw new FathomError("conflict", `remove ${name}: it is another volume of that name`);
  const { size: bytes } = await usageOf(state, entry);
  const at = rfc3339(wallClock());
  await state.exclusive(() =>
    takeAway(state, find(state, name), () => moveToTrash(state.root, name, { at, bytes, reason })),
  );
}

async function takeAway<T>(state: State, entry: Entry, away: () => Promise<T>): Promise<T> {
  const { record } = entry;
  checkFree(entry);
  unmountVolume(state.root, record);
  refuseMounts(join(state.root, record.Name));
  const result = await away();
  state.entries.delete(record.Name);
  state.emit({ action: "destroy", id: record.Name, attributes: { driver: LOCAL } });
  return result;
}

function checkFree({ record: { Name }, users, locked }: Entry): void {
  if (users.size > 0)
    throw new FathomError("conflict", `remove ${Name}: volume is in use - [${[...users.keys()].join(", ")}]`);
  if (locked)
    throw new FathomError(
      "conflict",
      `remove ${Name}: volume is locked: 'fathom volume unlock ${Name}' lets it be removed`,
    );
}

async function lock({ root }: State, entry: Entry, locked: boolean): Promise<void> {
  await setLocked(root, entry.record.Name, locked);
  entry.locked = locked;
}

async function restore(state: State, id: string): Promise<Restored> {
  const record = await takeFromTrash(state.root, id);
  state.entries.set(record.Name, entryOf(record));
  state.emit({ action: "create", id: record.Name, attributes: { driver: LOCAL } });
  return { Type: "volume", Names: [record.Name], Taken: [] };
}

async function erase({ exclusive, root }: State, id: string): Promise<void> {
  const gone = await exclusive(() => hideTrashed(root, id));
  if (gone !== undefined) await rm(gone, { recursive: true, force: true });
}

/** What somebody has mounted in a volume is not the volume's own, and deleting would not stop there. */
function refuseMounts(directory: string): void {
  const found = mountpoints().find(({ mountPoint }) => mountPoint.startsWith(`${directory}/`));
  if (found !== undefined)
    throw new FathomError(
      "conflict",
      `remove ${basename(directory)}: something is mounted at ${found.mountPoint}: unmount it first`,
    );
}

async function prune(state: State, filters: Filters, all: boolean): Promise<VolumePruneResponse> {
  const response = { VolumesDeleted: [] as string[], SpaceReclaimed: 0 };
  for (const { volume, size } of await candidates(state, filters, { all, without: new Set() })) {
    if (!(await discardIfUnused(state, volume.Name))) continue;
    response.VolumesDeleted.push(volume.Name);
    response.SpaceReclaimed += size;
  }
  state.emit({ action: "prune", id: "", attributes: { reclaimed: String(response.SpaceReclaimed) } });
  return response;
}

async function candidates(
  state: State,
  filters: Filters,
  { all, without }: { all: boolean; without: ReadonlySet<string> },
): Promise<VolumeCandidate[]> {
  const passes = pruneTest(filters);
  const withNames = all || wantsAll(filters);
  const found: VolumeCandidate[] = [];
  for (const entry of [...state.entries.values()]) {
    const { record, users, locked } = entry;
    const anonymous = Object.hasOwn(record.Labels ?? {}, ANONYMOUS_LABEL);
    const isUsed = [...users.keys()].some((user) => !without.has(user));
    if (locked || isUsed || !(withNames || anonymous) || !passes(shown(state, record))) continue;
    const { volume, size } = await usageOf(state, entry);
    found.push({ volume, size, anonymous });
  }
  return found;
}

/** False where somebody has begun to use it meanwhile, or was quicker. */
async function discardIfUnused(state: State, name: string): Promise<boolean> {
  try {
    await discard(state, name, { reason: "volume prune" });
    return true;
  } catch (error) {
    if (kindOf(error) === "conflict" || kindOf(error) === "not-found") return false;
    throw error;
  }
}

async function usageOf(
  state: State,
  { record, users }: Entry,
  measure: Measure = (_, walk) => walk(),
): Promise<{ volume: Volume; size: number; users: number }> {
  const volume = shown(state, record);
  const walk = () => bytesBelow(volume.Mountpoint);
  return { volume, size: await measure(`${record.Name} ${record.CreatedAt}`, walk), users: users.size };
}

async function mount(state: State, mounting: Mounting): Promise<string> {
  const { name, user, destination, writable, propagation } = mounting;
  const entry = find(state, name);
  await entry.exclusive(() => mountVolume(state.root, entry.record));
  entry.users.set(user, (entry.users.get(user) ?? 0) + 1);
  const attributes = { container: user, destination, driver: LOCAL, propagation };
  state.emit({
    action: "mount",
    id: name,
    attributes: { ...attributes, "read/write": String(writable) },
  });
  return dataOf(state.root, name);
}

async function unmount(state: State, name: string, user: string): Promise<void> {
  const entry = state.entries.get(name);
  const mounted = entry?.users.get(user) ?? 0;
  if (entry === undefined || mounted === 0) return;
  entry.users.set(user, mounted - 1);
  state.emit({ action: "unmount", id: name, attributes: { container: user, driver: LOCAL } });
  await entry.exclusive(async () => unmountIfIdle(state, entry));
}

function unmountIfIdle({ root }: State, { record, users }: Entry): void {
  if ([...users.values()].every((mounts) => mounts === 0)) unmountVolume(root, record);
}

async function populate(state: State, name: string, source: Source): Promise<void> {
  const entry = find(state, name);
  await entry.exclusive(async () => {
    await mountVolume(state.root, entry.record);
    try {
      await populateDirectory(join(state.root, name), source);
    } finally {
      unmountIfIdle(state, entry);
    }
  });
}

function settle(state: State): void {
  for (const entry of state.entries.values()) unmountIfIdle(state, entry);
}
