/** The snapshot drivers there are, and which of them a data root has. */

import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isBtrfs, mountOverlay, unmount } from "../kernel/mod.ts";
import { ifAbsent } from "../std/absent.ts";
import { FathomError, kindOf, messageOf } from "../std/errors.ts";
import { btrfsDriver } from "./btrfs.ts";
import type { SnapshotDriver } from "./driver.ts";
import { overlayDriver } from "./overlay.ts";
import { vfsDriver } from "./vfs.ts";

const DRIVERS: ReadonlyMap<string, () => SnapshotDriver> = new Map([
  ["btrfs", btrfsDriver],
  ["overlay", overlayDriver],
  ["overlay2", overlayDriver],
  ["vfs", vfsDriver],
]);

/** @throws {FathomError} unsupported, naming those there are */
export function driverNamed(name: string): SnapshotDriver {
  const make = DRIVERS.get(name);
  if (make !== undefined) return make();
  const known = [...DRIVERS.keys()].join(", ");
  throw new FathomError(
    "unsupported",
    `storage driver ${JSON.stringify(name)} is not known: use one of ${known}`,
  );
}

interface Choice {
  driver: SnapshotDriver;
  /** Why it is not the usual one, in a sentence. */
  notice?: string;
}

/**
 * The driver of a data root: the one that made what is there, else the one that is wanted, else what the file system is best at.
 * It is noted in the root, so that containers keep the driver that made them.
 * @throws {FathomError} unsupported, when another one is wanted than made it, or one that cannot work there.
 */
export async function chooseDriver(
  root: string,
  { wanted, writable }: { wanted: string | undefined; writable: boolean },
): Promise<Choice> {
  const asked = wanted === undefined ? undefined : driverNamed(wanted);
  const prior = await priorDriver(root);
  if (prior !== undefined)
    return { driver: asked?.name === prior ? asked : takePrior(root, { prior, asked }) };
  if (!writable) return { driver: asked ?? overlayDriver() };
  if (asked?.name === "btrfs" && !isBtrfs(root)) throw unsuitable("btrfs", root, "it does not lie on btrfs");
  const choice = asked === undefined ? await detect(root) : { driver: asked };
  const refusal = choice.driver.name === "overlay2" ? await overlayRefusal(root) : undefined;
  if (refusal !== undefined) throw unsuitable("overlay2", root, refusal);
  await writeFile(join(root, `${NOTE}.tmp`), `${choice.driver.name}\n`, { mode: 0o600, flush: true });
  await rename(join(root, `${NOTE}.tmp`), join(root, NOTE));
  return choice;
}

/** The file that says which driver made the containers of a data root. */
const NOTE = "storage-driver";

/** Without a note what is there was made by overlay, which once was the only one. */
async function priorDriver(root: string): Promise<string | undefined> {
  const noted = await readFile(join(root, NOTE), "utf8").catch(ifAbsent(undefined));
  if (noted !== undefined) return noted.trim();
  const containers = await readdir(join(root, "containers")).catch(ifAbsent([]));
  return containers.length > 0 ? "overlay2" : undefined;
}

function takePrior(
  root: string,
  { prior, asked }: { prior: string; asked: SnapshotDriver | undefined },
): SnapshotDriver {
  if (asked === undefined) return driverNamed(prior);
  throw new FathomError(
    "unsupported",
    `error initializing graphdriver: ${root} contains several valid graphdrivers: ${prior}, ${asked.name}; please cleanup or explicitly choose storage driver (-s ${prior})`,
  );
}

function unsuitable(driver: string, root: string, why: string): FathomError {
  return new FathomError(
    "unsupported",
    `error initializing graphdriver: driver not supported: ${driver} cannot be used in ${root}: ${why}`,
  );
}

async function detect(root: string): Promise<Choice> {
  if (isBtrfs(root)) return { driver: btrfsDriver() };
  const refusal = await overlayRefusal(root);
  if (refusal === undefined) return { driver: overlayDriver() };
  const notice = `${root} lies where overlay cannot write (${refusal}): containers' roots are whole copies of their images (storage driver vfs), which takes time and room; put --data-root on ext4, xfs or btrfs`;
  return { driver: vfsDriver(), notice };
}

/**
 * Why overlay cannot write to the file system of a directory; undefined where it can. Found out by doing it. A kernel that merely
 * lacks overlay at the moment is no reason: it is loaded later, the choice stays, and a start says what is missing.
 */
async function overlayRefusal(root: string): Promise<string | undefined> {
  const probe = join(root, `.probe-${process.pid}`);
  const place = (name: string) => join(probe, name);
  const [lower, upper, work, target] = [
    place("lower"),
    place("upper"),
    place("work"),
    place("target"),
  ] as const;
  await using undo = new AsyncDisposableStack();
  undo.defer(() => rm(probe, { recursive: true, force: true }));
  for (const path of [lower, upper, work, target]) await mkdir(path, { recursive: true, mode: 0o700 });
  try {
    mountOverlay({ lowers: [lower], upper, work, target });
    undo.defer(() => void unmount(target, { detach: true }));
    // Some file systems let it be mounted, and nothing be written.
    await writeFile(join(target, "file"), "");
    return undefined;
  } catch (error) {
    return kindOf(error) === "unsupported" ? undefined : messageOf(error);
  }
}
