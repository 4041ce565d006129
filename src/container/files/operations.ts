/** What is done with containers' files, for the API's routes. What is seldom called is loaded when it is. */

import type { ContainerPruneResponse, FilesystemChange, PathStat } from "../../spec/docker_files.ts";
import type { PruneItem } from "../../spec/prune_plan.ts";
import type { Context } from "../context.ts";
import type { Filters } from "../filters.ts";
import type { UnpackOptions } from "./archive.ts";
import type { CommitOptions } from "./commit.ts";
import type { FileChange } from "./needs.ts";

type Archive = AsyncIterable<Uint8Array>;

/** See the backends of the API's routes archive.ts, commit.ts and prune.ts. */
export interface FileOperations {
  stat(id: string, path: string): Promise<PathStat>;
  pack(id: string, path: string): Promise<{ stat: PathStat; archive: Archive }>;
  unpack(id: string, to: { path: string; archive: Archive }, options: UnpackOptions): Promise<void>;
  changes(id: string): Promise<FilesystemChange[]>;
  exported(id: string): Promise<Archive>;
  commit(id: string, options: CommitOptions): Promise<string>;
  pruneContainers(filters: Filters): Promise<ContainerPruneResponse>;
  /** What that would take. @throws {FathomError} invalid, for a filter. */
  pruneCandidates(filters: Filters): Promise<PruneItem[]>;
  /** Removes one that is as it was when it was a candidate; else gives why it stays. @throws {FathomError} not-found */
  pruneOne(id: string, mark: string): Promise<string | undefined>;
}

const KINDS: Record<FileChange["kind"], FilesystemChange["Kind"]> = { modified: 0, added: 1, deleted: 2 };

export function fileOperations(context: Context): FileOperations {
  const find = (name: string) => context.registry.find(name);
  const load = () => import("./archive.ts");
  return {
    stat: async (id, path) => (await load()).statPath(context, { container: find(id), name: id, path }),
    pack: async (id, path) => (await load()).packPath(context, { container: find(id), name: id, path }),
    unpack: async (id, to, options) =>
      (await load()).unpackPath(context, { container: find(id), name: id, ...to }, options),
    changes: async (id) => {
      const changes = await context.options.files.changes(find(id).record.config.Id);
      return changes.map(({ path, kind }) => ({ Path: path, Kind: KINDS[kind] }));
    },
    exported: async (id) => (await import("./export.ts")).exportContainer(context, find(id)),
    commit: async (id, options) => (await import("./commit.ts")).commitContainer(context, find(id), options),
    pruneContainers: async (filters) => (await import("../prune.ts")).pruneContainers(context, filters),
    pruneCandidates: async (filters) => (await import("../prune.ts")).pruneCandidates(context, filters),
    pruneOne: async (id, mark) => (await import("../prune.ts")).prunePlanned(context, id, mark),
  };
}
