/**
 * The part of this host's file tree that goes into an image. Paths are taken over as they are, with every symbolic link on the way,
 * so that what resolves here resolves there: /bin -> usr/bin, python3 -> python3.11, /etc/alternatives.
 */

import type { Stats } from "node:fs";
import { lstat, readdir, readlink } from "node:fs/promises";

const MOST_LINKS = 40;

export type Node =
  | { type: "directory"; stats: Stats }
  | { type: "file"; stats: Stats }
  | { type: "symlink"; stats: Stats; target: string };

export interface Tree {
  /** By absolute path. */
  readonly nodes: ReadonlyMap<string, Node>;
  /** Adds a path, the directories and links on its way, and what it points to. Gives the path with all links resolved. Throws ENOENT. */
  add(path: string): Promise<string>;
  /** Adds a directory with all that is in it. Gives the paths of the files. */
  addAll(directory: string): Promise<string[]>;
}

export function createTree(): Tree {
  const nodes = new Map<string, Node>();
  return {
    nodes,
    add: (path) => add(nodes, path),
    addAll: async (directory) => await addAll(nodes, await add(nodes, directory)),
  };
}

async function add(nodes: Map<string, Node>, path: string): Promise<string> {
  let resolved = "";
  let rest = path.split("/");
  for (let links = 0; rest.length > 0; ) {
    const [name = "", ...others] = rest;
    rest = others;
    if (name === "" || name === ".") continue;
    if (name === "..") {
      resolved = resolved.slice(0, resolved.lastIndexOf("/"));
      continue;
    }
    const next = `${resolved}/${name}`;
    const node = nodes.get(next) ?? (await readNode(next));
    if (!node) continue;
    nodes.set(next, node);
    if (node.type !== "symlink") {
      resolved = next;
      continue;
    }
    if (++links > MOST_LINKS) throw new Error(`${path} has too many symbolic links on its way`);
    if (node.target.startsWith("/")) resolved = "";
    rest = [...node.target.split("/"), ...rest];
  }
  return resolved === "" ? "/" : resolved;
}

/** Undefined for what cannot be in an image: sockets, devices. */
async function readNode(path: string): Promise<Node | undefined> {
  const stats = await lstat(path);
  if (stats.isDirectory()) return { type: "directory", stats };
  if (stats.isFile()) return { type: "file", stats };
  if (stats.isSymbolicLink()) return { type: "symlink", stats, target: await readlink(path) };
  return undefined;
}

async function addAll(nodes: Map<string, Node>, directory: string): Promise<string[]> {
  const files: string[] = [];
  for (const { name } of await readdir(directory, { withFileTypes: true })) {
    const path = `${directory}/${name}`;
    const node = await readNode(path);
    if (!node) continue;
    nodes.set(path, node);
    if (node.type === "directory") files.push(...(await addAll(nodes, path)));
    else if (node.type === "file") files.push(path);
    // A link may lead out of the directory, or nowhere; what it leads to belongs to it.
    else await add(nodes, path).catch(() => undefined);
  }
  return files;
}
