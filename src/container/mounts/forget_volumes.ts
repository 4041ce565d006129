/** What becomes of a container's volumes when it is removed, or when its making or removal was cut short. */

import { readFile, rm, writeFile } from "node:fs/promises";
import { ifAbsent } from "../../std/absent.ts";
import { kindOf } from "../../std/errors.ts";
import { type Container, nameOf } from "../container.ts";
import type { Context } from "../context.ts";
import { anonymousNote, type RecordPaths } from "../records.ts";
import { volumesOf } from "./sources.ts";

/** Notes which volumes go with a container, before its record goes: whoever finds the rest of it removes them. */
export async function noteVolumes(container: Container): Promise<void> {
  const names = anonymousOf(container);
  if (names.length > 0) await writeFile(anonymousNote(container.paths), JSON.stringify(names));
}

function anonymousOf({ record }: Container): string[] {
  return record.config.MountPoints.flatMap(({ Type, Name, Details }) =>
    Type === "volume" && Name !== undefined && Details?.anonymous ? [Name] : [],
  );
}

/** The container uses its volumes no more; with `remove` the anonymous ones that nobody else uses go too. */
export async function forgetVolumes(
  context: Context,
  container: Container,
  { remove }: { remove: boolean },
): Promise<void> {
  const { id } = nameOf(container);
  for (const name of volumesOf(container)) context.options.volumes.release(name, id);
  if (remove) await removeVolumes(context, anonymousOf(container));
}

/** Removes the volumes that a container which is not there, or not whole, has noted. */
export async function removeNoted(context: Context, paths: RecordPaths): Promise<void> {
  const text = await readFile(anonymousNote(paths), "utf8").catch(ifAbsent("[]"));
  const names = namesIn(text);
  await removeVolumes(context, names);
}

/** A note that a crash has torn is of volumes that were not made yet. */
function namesIn(text: string): string[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value.filter((name) => typeof name === "string") : [];
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}

async function removeVolumes({ options }: Context, names: readonly string[]): Promise<void> {
  for (const name of names) {
    await options.volumes.remove(name).catch((error) => {
      // Another container got it by --volumes-from, or somebody was quicker.
      if (kindOf(error) !== "conflict" && kindOf(error) !== "not-found") throw error;
    });
  }
}

/** For an engine that starts: a container that is whole keeps its volumes, and tells that it uses them. */
export async function recoverVolumes(
  { options }: Context,
  container: Container,
  { live }: { live: boolean },
): Promise<void> {
  const names = volumesOf(container);
  if (names.length === 0) return;
  await rm(anonymousNote(container.paths), { force: true });
  for (const name of new Set(names)) {
    const mounted = live ? names.filter((other) => other === name).length : 0;
    options.volumes.hold(name, nameOf(container).id, { mounted });
  }
}
