/** Bytes that a layer wrote and a later one deleted or wrote again: nobody sees them, and everybody stores and pulls them. */

import { S, type Stat } from "../kernel/mod.ts";
import type { LayerLine } from "../spec/image_layers.ts";
import { pace } from "../std/pace.ts";
import { type HeldImage, topFirst } from "./_held_image.ts";
import { type LayerChange, layerChanges } from "./_layer_changes.ts";
import { sizeOfFile, toldPath } from "./_told_file.ts";

/** What one layer hides of another. */
export interface Hiding {
  /** Numbers from 0, bottom first. */
  written: number;
  hidden: number;
  bytes: number;
  files: number;
  /** Those of them that were written again with the same content: only owner or mode was changed. */
  copied: number;
  largest: { path: string; size: number };
}

export interface LayerCount {
  files: number;
  unseen: number;
}

export async function unseenIn({ roots, layerOf }: HeldImage): Promise<{
  layers: LayerCount[];
  hidings: Hiding[];
}> {
  const layers = roots.map((): LayerCount => ({ files: 0, unseen: 0 }));
  const hidings = new Map<string, Hiding>();
  const clock = pace();
  for (const [at, root] of roots.entries()) {
    for (const change of layerChanges(root, topFirst(roots.slice(0, at)))) {
      if (clock.isDue()) await clock.pause();
      const own = layers[at];
      if (own !== undefined && change.kind !== "deleted") own.files += 1;
      if (change.before === undefined || !isFile(change.before.facts)) continue;
      const written = layerOf(change.before.at.name);
      const below = layers[written];
      if (below !== undefined) below.unseen += share(change.before.facts);
      note(hidings, change, { written, hidden: at });
    }
  }
  return { layers, hidings: [...hidings.values()].sort((a, b) => b.bytes - a.bytes) };
}

function isFile({ mode }: Stat): boolean {
  return (mode & S.IFMT) === S.IFREG;
}

/** Of a file with several names each has its part: all of it is gone when all of them are. */
function share(facts: Stat): number {
  return Math.floor(sizeOfFile(facts) / Math.max(1, facts.nlink));
}

function note(
  hidings: Map<string, Hiding>,
  { path, kind, own, before }: LayerChange,
  { written, hidden }: { written: number; hidden: number },
): void {
  if (before === undefined) return;
  const key = `${written} ${hidden}`;
  const hiding = hidings.get(key) ?? {
    written,
    hidden,
    bytes: 0,
    files: 0,
    copied: 0,
    largest: { path: "", size: -1 },
  };
  hidings.set(key, hiding);
  const size = share(before.facts);
  hiding.bytes += size;
  hiding.files += 1;
  const isCopy =
    kind === "changed" && own?.facts.size === before.facts.size && own.facts.mtime === before.facts.mtime;
  if (isCopy) hiding.copied += size;
  if (size > hiding.largest.size) hiding.largest = { path: toldPath(path), size };
}

/** A sentence that says what to do about it. */
export function mendOf({ bytes, copied, written, hidden }: Hiding, lines: readonly LayerLine[]): string {
  const [one, other] = [lines[written], lines[hidden]];
  const [first, second] = [nameOf(one), nameOf(other)];
  if (copied * 2 > bytes)
    return `${second} writes files of ${first} again to change their owner or mode: use COPY --chown and --chmod, or change them in the same RUN`;
  const brought = /^(?:COPY|ADD)\b/.test(one?.Instruction ?? "");
  if (brought)
    return `${second} removes or replaces what ${first} copies: leave it out (.dockerignore), or copy it in a stage of its own`;
  return `combine ${first} and ${second} into one RUN with &&, so that what is removed is never stored; or squash`;
}

function nameOf(line: LayerLine | undefined): string {
  return line?.Line ? `line ${line.Line}` : `layer ${line?.Layer ?? 0}`;
}
