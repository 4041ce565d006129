/** Which layers a squash keeps, and the configuration of what comes of it: pure. */

import type { Digest, HistoryEntry, ImageConfig } from "../spec/oci_image.ts";
import { FathomError } from "../std/errors.ts";

/** An image by all that its layers may be called. */
export interface Layered {
  config: ImageConfig;
  /** What each layer is called, bottom first: digests of what it holds and of what it is stored as, its chain ID. */
  names: readonly (readonly string[])[];
}

/** Another image that is known, of which the layers of the first may be: its base. */
export interface Known {
  id: Digest;
  references: readonly string[];
  diffIds: readonly Digest[];
}

const POSITION = /^\d{1,3}$/;
const DIGITS = /^(?:sha256:)?([0-9a-f]{4,64})$/;

/**
 * How many layers from the bottom stay as they are.
 * @param from a layer's digest or the beginning of one, a line of the history counted from the bottom, an image below; none for no layer
 * @throws {FathomError} not-found, invalid
 */
export function keptLayers(image: Layered, from: string | undefined, known: readonly Known[]): number {
  const { length } = image.names;
  if (from === undefined) return 0;
  const kept = POSITION.test(from) ? layersUpTo(image.config, Number(from)) : namedCount(image, from, known);
  if (kept < length) return kept;
  throw new FathomError("invalid", `there is no layer above ${from} to squash: give one further down`);
}

/** How many layers there are up to the one that is meant. @throws {FathomError} not-found, invalid */
export function countedLayers(image: Layered, from: string, known: readonly Known[]): number {
  return POSITION.test(from) ? layersUpTo(image.config, Number(from)) : namedCount(image, from, known);
}

/** The layers of the first lines of the history; of an image that has none, each layer counts as a line. */
function layersUpTo({ history = [], rootfs }: ImageConfig, position: number): number {
  const lines = history.length > 0 ? history : rootfs.diff_ids.map((): HistoryEntry => ({}));
  if (position <= lines.length)
    return lines.slice(0, position).filter(({ empty_layer }) => empty_layer !== true).length;
  throw new FathomError("not-found", `no line ${position} in the image's history, which has ${lines.length}`);
}

function namedCount({ config, names }: Layered, from: string, known: readonly Known[]): number {
  const digits = DIGITS.exec(from)?.[1];
  const begins = (name: string): boolean =>
    digits !== undefined && name.replace(/^sha256:/, "").startsWith(digits);
  const byLayer = names.flatMap((all, at) => (all.some(begins) ? [at + 1] : []));
  const images = known.filter(({ id, references }) => begins(id) || references.includes(from));
  const below = images.filter(({ diffIds }) => diffIds.every((id, at) => id === config.rootfs.diff_ids[at]));
  const found = new Set([...byLayer, ...below.map(({ diffIds }) => diffIds.length)]);
  const [count] = found;
  if (found.size > 1)
    throw new FathomError(
      "invalid",
      `${from} is ambiguous: ${found.size} layers begin with it, give more digits`,
    );
  if (count !== undefined) return count;
  if (images.length > 0)
    throw new FathomError("invalid", `image ${from} is not below this one: its layers are others`);
  throw new FathomError(
    "not-found",
    `no layer ${from} in the image: give the beginning of a layer's digest, a line of its history, or an image below it`,
  );
}

export interface Squash {
  /** The image that was squashed. */
  id: Digest;
  kept: number;
  /** What the merged layer holds; none where nothing was left of the layers. */
  diffId: Digest | undefined;
  /** When, RFC 3339. */
  at: string;
}

/** As Docker's own squash has it: merged lines have no layer any more, and a last one says what was merged. */
export function squashedConfig(config: ImageConfig, { id, kept, diffId, at }: Squash): ImageConfig {
  // They tell how the image was made that this one is not.
  const { parent: _parent, container: _container, ...rest } = config;
  const base = config.rootfs.diff_ids.slice(0, kept);
  const below = base.at(-1);
  let layers = 0;
  const lines = (config.history ?? []).map((line): HistoryEntry => {
    if (line.empty_layer !== true) layers += 1;
    return layers > kept ? { ...line, empty_layer: true } : line;
  });
  const comment = below === undefined ? `create new from ${id}` : `merge ${id} to ${below}`;
  const last = { created: at, comment, ...(diffId === undefined && { empty_layer: true }) };
  return {
    ...rest,
    created: at,
    rootfs: { type: "layers", diff_ids: diffId === undefined ? base : [...base, diffId] },
    history: [...lines, last],
  };
}
