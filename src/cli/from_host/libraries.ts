/** Finds the libraries of a program as the dynamic loader does: ld.so(8), "the search order". */

import { type Elf, readElf } from "./elf.ts";
import type { LoaderPaths } from "./ld_cache.ts";
import type { Tree } from "./tree.ts";

export interface Libraries {
  /** Adds all that an ELF file needs to the tree. `optional`: libraries that are not there are passed over. */
  addNeeds(path: string, options?: { optional?: boolean }): Promise<void>;
}

export function createLibraries(tree: Tree, paths: LoaderPaths): Libraries {
  const state: State = { tree, paths, seen: new Set() };
  return {
    addNeeds: (path, { optional = false } = {}) => addNeeds(state, path, { inherited: [], optional }),
  };
}

interface State {
  tree: Tree;
  paths: LoaderPaths;
  /** Resolved paths whose needs are in the tree. */
  seen: Set<string>;
}

interface Chain {
  /** RPATHs of the files that led here. */
  inherited: readonly string[];
  optional: boolean;
}

async function addNeeds(state: State, path: string, { inherited, optional }: Chain): Promise<void> {
  const resolved = await state.tree.add(path);
  if (state.seen.has(resolved)) return;
  state.seen.add(resolved);
  const elf = await readElf(resolved);
  if (!elf) return;
  if (elf.interpreter) await state.tree.add(elf.interpreter);
  const origins = [...new Set([directoryOf(path), directoryOf(resolved)])];
  // RUNPATH switches RPATH off, the inherited ones too.
  const rpath = elf.runpath.length > 0 ? [] : [...expand(state, elf.rpath, origins), ...inherited];
  const search = [...rpath, ...expand(state, elf.runpath, origins)];
  for (const name of elf.needed) {
    const library = await find(state, name, search);
    if (library) await addNeeds(state, library, { inherited: rpath, optional });
    else if (!optional) throw new Error(`${path} needs the library ${name}, which this host does not have`);
  }
}

function directoryOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

/** Puts directories in the place of the tokens `$ORIGIN` and `$LIB`. */
function expand({ paths }: State, directories: Elf["rpath"], origins: readonly string[]): string[] {
  return directories
    .flatMap((text) =>
      /\$(ORIGIN|\{ORIGIN\})/.test(text)
        ? origins.map((o) => text.replace(/\$(ORIGIN|\{ORIGIN\})/g, o))
        : [text],
    )
    .flatMap((text) =>
      /\$(LIB|\{LIB\})/.test(text) ? paths.libNames.map((l) => text.replace(/\$(LIB|\{LIB\})/g, l)) : [text],
    )
    .filter((text) => text.startsWith("/"));
}

async function find({ paths }: State, name: string, search: readonly string[]): Promise<string | undefined> {
  if (name.includes("/")) return (await isLibrary(name)) ? name : undefined;
  const candidates = [
    ...search.map((directory) => `${directory}/${name}`),
    ...(paths.cache.get(name) ?? []),
    ...paths.directories.map((directory) => `${directory}/${name}`),
  ];
  for (const path of candidates) if (await isLibrary(path)) return path;
  return undefined;
}

/** Whether the loader would take it: a file of another machine is passed over, as it passes it over. */
async function isLibrary(path: string): Promise<boolean> {
  try {
    return (await Bun.file(path).exists()) && (await readElf(path)) !== undefined;
  } catch {
    return false;
  }
}
