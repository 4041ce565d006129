/** How the files of two images differ. What both have of the same layers is not looked at. */

import { closeFd, openFile, readAt, type Stat } from "../kernel/mod.ts";
import type { FileDifference } from "../spec/image_layers.ts";
import { pace } from "../std/pace.ts";
import { holdImage, topFirst } from "./_held_image.ts";
import { type LowerDirectory, type LowerFile, lookUp } from "./_lower.ts";
import { checkReach, mergedNames } from "./_merge.ts";
import { kindOfFile, sizeOfFile, targetOf, toldPath } from "./_told_file.ts";
import { inPieces, type Told } from "./layer_files.ts";
import type { ImageStore } from "./store.ts";

/** In the order of names. @throws {FathomError} not-found, invalid */
export async function imageDifferences(
  store: ImageStore,
  first: string,
  second: string,
): Promise<Told<FileDifference>> {
  using stack = new DisposableStack();
  const before = stack.use(await holdImage(store, first));
  const after = stack.use(await holdImage(store, second));
  const pairs = differing({
    path: "",
    before: topFirst(before.roots),
    after: topFirst(after.roots),
    depth: 0,
  });
  const held = stack.move();
  return { pieces: compared(pairs), [Symbol.dispose]: () => held.dispose() };
}

interface Pair {
  path: string;
  before: LowerFile | undefined;
  after: LowerFile | undefined;
}

interface Place {
  path: string;
  before: LowerDirectory;
  after: LowerDirectory;
  depth: number;
}

/** What may differ: a file that both have of one layer does not. */
function* differing({ path, before, after, depth }: Place): Generator<Pair, void> {
  if (before.length === after.length && before.every((directory, at) => directory === after[at])) return;
  for (const name of mergedNames([...before, ...after])) {
    checkReach([...before, ...after], name, depth);
    const pair = { path: `${path}${name}`, before: lookUp(before, name), after: lookUp(after, name) };
    if (pair.before?.at.name !== pair.after?.at.name) yield pair;
    yield* differing({
      path: `${pair.path}/`,
      before: pair.before?.directory ?? [],
      after: pair.after?.directory ?? [],
      depth: depth + 1,
    });
  }
}

async function* compared(pairs: Iterable<Pair>): AsyncGenerator<FileDifference[], void> {
  const clock = pace();
  for await (const piece of inPieces(pairs)) {
    const told: FileDifference[] = [];
    for (const { path, before, after } of piece) {
      const one = after ?? before;
      if (one === undefined) continue;
      const What = before && after ? await differences(before, after, clock) : [];
      if (before !== undefined && after !== undefined && What.every((what) => what === "time")) continue;
      told.push({
        Path: toldPath(path),
        Change: before === undefined ? "added" : after === undefined ? "deleted" : "changed",
        Kind: kindOfFile(one.facts),
        What,
        Before: before === undefined ? 0 : sizeOfFile(before.facts),
        After: after === undefined ? 0 : sizeOfFile(after.facts),
      });
    }
    if (told.length > 0) yield told;
  }
}

async function differences(
  before: LowerFile,
  after: LowerFile,
  clock: ReturnType<typeof pace>,
): Promise<string[]> {
  const [a, b] = [before.facts, after.facts];
  const kind = kindOfFile(b);
  if (kindOfFile(a) !== kind) return ["kind"];
  const isDevice = kind === "character" || kind === "block";
  const found: [what: string, differs: boolean][] = [
    ["content", kind === "file" && !(await isSameContent(before, after, clock))],
    ["mode", kind !== "symlink" && (a.mode & 0o7777) !== (b.mode & 0o7777)],
    ["owner", a.uid !== b.uid || a.gid !== b.gid],
    ["target", kind === "symlink" && targetOf(before.at) !== targetOf(after.at)],
    ["device", isDevice && a.rdev !== b.rdev],
    ["time", a.mtime !== b.mtime],
  ];
  return found.flatMap(([what, differs]) => (differs ? [what] : []));
}

const PIECE = 256 * 1024;

async function isSameContent(
  before: LowerFile,
  after: LowerFile,
  clock: ReturnType<typeof pace>,
): Promise<boolean> {
  if (before.facts.size !== after.facts.size) return false;
  const [one, other] = [openFile(before.at), openFile(after.at)];
  try {
    return await isSameBytes([one, other], after.facts, clock);
  } finally {
    for (const fd of [one, other]) if (fd >= 0) closeFd(fd);
  }
}

async function isSameBytes(
  [one, other]: readonly [number, number],
  { size }: Stat,
  clock: ReturnType<typeof pace>,
): Promise<boolean> {
  const [first, second] = [Buffer.allocUnsafe(PIECE), Buffer.allocUnsafe(PIECE)];
  for (let at = 0; at < size; ) {
    const [length, same] = [readAt(one, first, at), readAt(other, second, at)];
    if (length <= 0 || length !== same) return false;
    if (!first.subarray(0, length).equals(second.subarray(0, length))) return false;
    at += length;
    if (clock.isDue()) await clock.pause();
  }
  return true;
}
