/** Several layers known by their archives as one: which of their entries are seen, by which names, and what is hidden beneath. Pure. */

import type { TreeNode } from "./_archive_tree.ts";

export interface MergePlan {
  /** Of each layer, bottom first: the names of what an entry brought that are seen. An entry that is not there is not seen. */
  seen: ReadonlyMap<number, readonly string[]>[];
  /** What the layers take away from those beneath them. */
  whiteouts: readonly string[];
  /** Directories that hide what lies beneath. */
  opaque: readonly string[];
}

interface Found {
  layer: number;
  node: TreeNode;
}

/** @param roots of the layers' trees, bottom first */
export function mergeTrees(roots: readonly TreeNode[]): MergePlan {
  const seen = roots.map(() => new Map<number, string[]>());
  const whiteouts: string[] = [];
  const opaque: string[] = [];
  const top = roots.map((node, layer) => ({ layer, node })).reverse();
  const note = ({ layer, node }: Found, path: string): void => {
    if (node.entry === undefined) return;
    const names = seen[layer]?.get(node.entry);
    if (names === undefined) seen[layer]?.set(node.entry, [path]);
    else names.push(path);
  };
  // What hides something in a directory that is hidden itself hides nothing more.
  const pending = [{ path: "", nodes: top, open: true }];
  for (let place = pending.pop(); place !== undefined; place = pending.pop()) {
    const { path, nodes, open } = place;
    for (const name of new Set(nodes.flatMap(({ node }) => [...node.children.keys()]))) {
      const here = path === "" ? name : `${path}/${name}`;
      const { first, directories, closed } = at(nodes, name);
      if (first === undefined) {
        if (open) whiteouts.push(here);
        continue;
      }
      note(directories.find(({ node }) => node.entry !== undefined) ?? first, here);
      if (directories.length === 0) continue;
      if (closed && open) opaque.push(here);
      pending.push({ path: here, nodes: directories, open: open && !closed });
    }
  }
  return { seen, whiteouts, opaque };
}

/** What overlay would look up: see mergedAt in _lower.ts. */
function at(
  nodes: readonly Found[],
  name: string,
): { first: Found | undefined; directories: Found[]; closed: boolean } {
  let first: Found | undefined;
  const directories: Found[] = [];
  for (const { layer, node } of nodes) {
    const child = node.children.get(name);
    if (child === undefined) continue;
    const isDirectory = child.kind === "directory";
    const hides = child.kind === "whiteout" || (first !== undefined && !isDirectory);
    if (!hides) first ??= { layer, node: child };
    if (isDirectory) directories.push({ layer, node: child });
    if (!isDirectory || child.opaque) return { first, directories, closed: true };
  }
  return { first, directories, closed: false };
}
