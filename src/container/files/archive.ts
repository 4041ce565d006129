/** `docker cp`: facts about a path of a container, the path as an archive, and an archive unpacked over a directory. */

import type { PathStat } from "../../spec/docker_files.ts";
import { FathomError, kindOf } from "../../std/errors.ts";
import { type Container, nameOf } from "../container.ts";
import type { Context } from "../context.ts";
import { resolveUser } from "../plan/users.ts";
import { tell } from "../tell.ts";
import type { FileView } from "./needs.ts";
import { openView } from "./view.ts";

/** A path of a container, and what the caller called the container. */
export interface Place {
  container: Container;
  name: string;
  path: string;
}

/** @throws {FathomError} not-found, in Docker's words. */
export async function statPath(context: Context, place: Place): Promise<PathStat> {
  await using view = await openView(context, place.container);
  return found(place, () => view.value.stat(place.path));
}

/** The archive holds the container's root until it has been read or left. @throws {FathomError} not-found, in Docker's words. */
export async function packPath(
  context: Context,
  place: Place,
): Promise<{ stat: PathStat; archive: AsyncIterable<Uint8Array> }> {
  await using stack = new AsyncDisposableStack();
  const view = stack.use(await openView(context, place.container));
  const { stat, archive } = found(place, () => view.value.pack(place.path));
  tell(context, place.container, { action: "archive-path" });
  return { stat, archive: whileHeld(archive, stack.move()) };
}

/** The same bytes; what holds their source is let go of behind the last, or when nobody reads on. */
export async function* whileHeld(
  source: AsyncIterable<Uint8Array>,
  held: AsyncDisposable,
): AsyncGenerator<Uint8Array, void> {
  await using _held = held;
  yield* source;
}

export interface UnpackOptions {
  /** A directory may not take the place of anything else, nor the other way round. */
  noOverwriteDirNonDir: boolean;
  /** Everything is to belong to the container's user. */
  copyUIDGID: boolean;
}

/**
 * Unpacks a tar archive over a directory.
 * @throws {FathomError} not-found; forbidden, where it is read-only; invalid, when it is no directory or the archive is refused.
 */
export async function unpackPath(
  context: Context,
  { archive, ...place }: Place & { archive: AsyncIterable<Uint8Array> },
  { noOverwriteDirNonDir, copyUIDGID }: UnpackOptions,
): Promise<void> {
  await using view = await openView(context, place.container);
  const owner = copyUIDGID ? ownerIn(view.value, place.container) : undefined;
  const options = { keepKinds: noOverwriteDirNonDir, ...(owner !== undefined && { owner }) };
  const unpack = () => view.value.unpack({ path: place.path, archive }, options);
  await context.options.receipts.record(nameOf(place.container).id, unpack).catch((error) => {
    throw named(place, error);
  });
  tell(context, place.container, { action: "extract-to-dir" });
}

/** Of a container that runs as nobody in particular, files keep the owners they have. */
function ownerIn(view: FileView, { record }: Container): { uid: number; gid: number } | undefined {
  const user = record.config.Config.User;
  if (user === "") return undefined;
  const files = { passwd: view.readText("/etc/passwd") ?? "", group: view.readText("/etc/group") ?? "" };
  const { uid, gid } = resolveUser(user, files);
  return { uid, gid };
}

function found<T>(place: Place, look: () => T): T {
  try {
    return look();
  } catch (error) {
    throw named(place, error);
  }
}

function named({ path, name }: Place, error: unknown): unknown {
  if (kindOf(error) !== "not-found") return error;
  return new FathomError("not-found", `Could not find the file ${path} in container ${name}`, {
    cause: error,
  });
}
