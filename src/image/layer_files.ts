/** What a layer of an image holds, and which layer brought a file: read where layers are unpacked. */

import type { ByteString } from "../kernel/mod.ts";
import type { FoundFile, FoundFiles, LayerFile } from "../spec/image_layers.ts";
import { FathomError } from "../std/errors.ts";
import { matchesGlob } from "../std/glob.ts";
import { pace } from "../std/pace.ts";
import { holdImage, layeredOf, topFirst } from "./_held_image.ts";
import { type LayerChange, layerChanges } from "./_layer_changes.ts";
import { layerLines } from "./_lines.ts";
import { countedLayers } from "./_squashed.ts";
import { kindOfFile, sizeOfFile, toldFile, toldPath } from "./_told_file.ts";
import type { ImageStore } from "./store.ts";

/** What is told in pieces, as it is found; disposing of it, read or not, lets go of the image. */
export interface Told<T> extends Disposable {
  pieces: AsyncIterable<readonly T[]>;
}

/** Gathered before it is told. */
const PIECE = 500;

/** The values of a walk in pieces, with pauses for others. */
export async function* inPieces<T>(values: Iterable<T>): AsyncGenerator<T[], void> {
  const clock = pace();
  let piece: T[] = [];
  for (const value of values) {
    piece.push(value);
    if (piece.length === PIECE) {
      yield piece;
      piece = [];
    }
    if (clock.isDue()) await clock.pause();
  }
  if (piece.length > 0) yield piece;
}

/**
 * The files of one layer, and what it takes away.
 * @param layer its digest or the beginning of one, or the line of the history that made it
 * @throws {FathomError} not-found, invalid
 */
export async function layerFiles(store: ImageStore, name: string, layer: string): Promise<Told<LayerFile>> {
  using stack = new DisposableStack();
  const { image, roots } = stack.use(await holdImage(store, name));
  const count = countedLayers(layeredOf(image), layer, []);
  const isLine = /^\d{1,3}$/.test(layer);
  const made = layerLines(image.config)[count - 1];
  if (isLine && made?.Line !== 0 && made?.Line !== Number(layer))
    throw new FathomError("not-found", `line ${layer} of the image's history made no layer`);
  const own = roots[count - 1];
  const changes = own === undefined ? [] : layerChanges(own, topFirst(roots.slice(0, count - 1)));
  const held = stack.move();
  return { pieces: inPieces(toldByName(changes)), [Symbol.dispose]: () => held.dispose() };
}

/** What goes with a directory is not in the layer. */
function* toldByName(changes: Iterable<LayerChange>): Generator<LayerFile, void> {
  for (const change of changes) if (change.own !== undefined) yield toldFile(change);
}

const MOST_FOUND = 1000;

/**
 * Which layers have something to do with the files of a name, the lowest first.
 * @param wanted a path or a pattern of one; without a slash a name in any directory
 */
export async function findFiles(store: ImageStore, name: string, wanted: string): Promise<FoundFiles> {
  using held = await holdImage(store, name);
  const { image, roots } = held;
  const matches = matcherOf(wanted);
  const found = new Map<ByteString, FoundFile>();
  const clock = pace();
  let truncated = false;
  for (const [at, line] of layerLines(image.config).entries()) {
    for (const change of layerChanges(roots[at] ?? "", topFirst(roots.slice(0, at)))) {
      if (clock.isDue()) await clock.pause();
      const { path, kind, own, before } = change;
      const facts = (kind === "deleted" ? before : own)?.facts;
      if (facts === undefined || !matches(toldPath(path))) continue;
      const file = found.get(path) ?? { Path: toldPath(path), Present: true, Changes: [] };
      truncated ||= found.size >= MOST_FOUND && !found.has(path);
      if (found.size < MOST_FOUND) found.set(path, file);
      file.Present = kind !== "deleted";
      const [Mode, Size] = [facts.mode & 0o7777, sizeOfFile(facts)];
      file.Changes.push({ ...line, Change: kind, Kind: kindOfFile(facts), Mode, Size });
    }
  }
  const files = [...found.values()].sort((a, b) => (a.Path < b.Path ? -1 : 1));
  return { Files: files, Truncated: truncated };
}

function matcherOf(wanted: string): (path: string) => boolean {
  if (wanted === "") throw new FathomError("invalid", "say which files to find: find=/etc/passwd, find=*.so");
  if (!wanted.includes("/")) return (path) => matchesGlob(path.slice(path.lastIndexOf("/") + 1), wanted);
  const whole = wanted.startsWith("/") ? wanted : `/${wanted}`;
  const plain = whole.replace(/(.)\/+$/, "$1");
  return (path) => path === plain || matchesGlob(path, plain);
}
