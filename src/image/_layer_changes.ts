/** What one layer does to those beneath it: which files it adds, changes and hides, what goes with a directory told one by one. */

import { AT, type At, type ByteString, factsOf, S, type Stat } from "../kernel/mod.ts";
import { isOpaque, type LowerDirectory, type LowerFile, lookUp, namesOf } from "./_lower.ts";
import { checkReach, mergedNames } from "./_merge.ts";
import { isWhiteout } from "./_whiteout.ts";

export interface LayerChange {
  /** Without a slash before it. */
  path: ByteString;
  kind: "added" | "changed" | "deleted";
  /** What the layer has there; a whiteout for what it deletes by name, nothing for what goes with a directory. */
  own: { at: At; facts: Stat } | undefined;
  /** What the layers beneath show there. */
  before: LowerFile | undefined;
  /** A directory that hides what is beneath. */
  opaque: boolean;
}

/**
 * In the order of names, a directory before what is in it; memory follows the depth of the tree.
 * @param layer its directory
 * @param lower those beneath, topmost first
 * @throws {FathomError} unsupported, for a tree that is deeper than paths go
 */
export function layerChanges(layer: ByteString, lower: LowerDirectory): Generator<LayerChange, void> {
  return visit({ path: "", layer, lower, covered: false, depth: 0 });
}

interface Place {
  path: ByteString;
  layer: ByteString;
  lower: LowerDirectory;
  /** It lies in an opaque directory. */
  covered: boolean;
  depth: number;
}

function* visit(place: Place): Generator<LayerChange, void> {
  const { layer, lower, covered, depth } = place;
  const own = mergedNames([layer]);
  const hidden = covered ? namesOf(lower) : [];
  const names = covered ? [...new Set([...own, ...hidden])].sort((a, b) => (a < b ? -1 : 1)) : own;
  for (const name of names) {
    checkReach([layer, ...lower], name, depth);
    const path = place.path === "" ? name : `${place.path}/${name}`;
    const at = { directory: AT.FDCWD, name: `${layer}/${name}` };
    const facts = factsOf(at);
    const before = lookUp(lower, name);
    if (facts === undefined || isWhiteout(facts)) {
      yield { path, kind: "deleted", own: facts && { at, facts }, before, opaque: false };
      yield* gone(path, before, depth);
      continue;
    }
    const isDirectory = (facts.mode & S.IFMT) === S.IFDIR;
    const opaque = isDirectory && isOpaque(at);
    yield { path, kind: before === undefined ? "added" : "changed", own: { at, facts }, before, opaque };
    if (!isDirectory) yield* gone(path, before, depth);
    else
      yield* visit({
        path,
        layer: at.name,
        lower: before?.directory ?? [],
        covered: covered || opaque,
        depth: depth + 1,
      });
  }
}

/** All that was in a directory which is there no more. */
function* gone(path: ByteString, before: LowerFile | undefined, depth: number): Generator<LayerChange, void> {
  for (const name of namesOf(before?.directory ?? []).sort()) {
    checkReach(before?.directory ?? [], name, depth);
    const file = lookUp(before?.directory ?? [], name);
    yield { path: `${path}/${name}`, kind: "deleted", own: undefined, before: file, opaque: false };
    yield* gone(`${path}/${name}`, file, depth + 1);
  }
}
