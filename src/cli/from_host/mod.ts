/**
 * Makes an image of programs of this host: the programs, the libraries and interpreters they need, and every link on the way.
 *
 * Owns: finding all that by reading files (ELF, ld.so.cache, `#!` lines); nothing is executed, so that it may be done to programs that
 * are not trusted. Does not own: what the daemon makes of the archive.
 */

import type { Context } from "../command.ts";
import { CommandError } from "../errors.ts";
import { jsonLines } from "../json_lines.ts";
import { splitTag } from "../reference.ts";
import { archive, COMMON_PATHS } from "./archive.ts";
import { readLoaderPaths } from "./ld_cache.ts";
import { createLibraries } from "./libraries.ts";
import { addProgram, searchPath } from "./programs.ts";
import { createTree, type Tree } from "./tree.ts";

/** What will be in the image. */
export interface HostImage {
  tree: Tree;
  /** Paths of the programs asked for, in their order. */
  programs: string[];
}

/** Gathers programs given by name or path. Throws CommandError where one, or a library, is not there. */
export async function gather(names: readonly string[]): Promise<HostImage> {
  const tree = createTree();
  const host = { tree, libraries: createLibraries(tree, await readLoaderPaths()) };
  const programs: string[] = [];
  try {
    for (const name of names) programs.push(await addProgram(host, name));
  } catch (error) {
    if (error instanceof CommandError || !(error instanceof Error)) throw error;
    throw new CommandError(error.message, 1, { cause: error });
  }
  for (const path of COMMON_PATHS) await addIfThere(tree, path);
  return { tree, programs };
}

async function addIfThere(tree: Tree, path: string): Promise<void> {
  try {
    await tree.add(path);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
}

/** Sends it to the daemon and gives the image's ID. An empty reference leaves the image without a name. */
export async function makeImage({ client }: Context, image: HostImage, reference: string): Promise<string> {
  const { name: repo, tag } = splitTag(reference);
  const changes = [
    `CMD ${JSON.stringify(image.programs.slice(0, 1))}`,
    `ENV PATH=${searchPath(image.programs)}`,
  ];
  const reply = await client.send("POST", "/images/create", {
    query: { fromSrc: "-", repo: repo || undefined, tag, message: "Made of programs of the host", changes },
    stream: archive(image.tree),
  });
  let id = "";
  for await (const { status, error } of jsonLines<{ status?: string; error?: string }>(reply.body)) {
    if (error) throw new CommandError(error);
    if (status) id = status;
  }
  return id;
}
