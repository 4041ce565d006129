/** The containers there are, found by ID, name or the beginning of an ID; and their names, each given once. */

import { FathomError } from "../std/errors.ts";
import type { Container } from "./container.ts";

export interface Registry {
  all(): Container[];
  add(container: Container): void;
  remove(container: Container): void;
  /** @throws {FathomError} not-found, or invalid when several IDs begin so. */
  find(name: string): Container;
  isTaken(name: string): boolean;
  /** Gives a name to an ID. @throws {FathomError} conflict. */
  reserve(name: string, id: string): void;
  release(name: string): void;
}

export function registry(): Registry {
  const containers = new Map<string, Container>();
  const names = new Map<string, string>();
  return {
    all: () => [...containers.values()],
    add: (container) => {
      containers.set(container.record.config.Id, container);
    },
    remove: ({ record: { config } }) => {
      containers.delete(config.Id);
      if (names.get(config.Name) === config.Id) names.delete(config.Name);
    },
    find: (name) => {
      const id = names.get(name.replace(/^\//, ""));
      return containers.get(name) ?? containers.get(id ?? "") ?? byPrefix(containers, name);
    },
    isTaken: (name) => names.has(name),
    reserve: (name, id) => {
      const owner = names.get(name);
      if (owner !== undefined && owner !== id) throw nameConflict(name, owner);
      names.set(name, id);
    },
    release: (name) => {
      names.delete(name);
    },
  };
}

function byPrefix(containers: Map<string, Container>, prefix: string): Container {
  const found = prefix === "" ? [] : [...containers].filter(([id]) => id.startsWith(prefix));
  if (found.length > 1)
    throw new FathomError("invalid", `multiple IDs found with provided prefix: ${prefix}`);
  const [match] = found;
  if (match === undefined) throw new FathomError("not-found", `No such container: ${prefix}`);
  return match[1];
}

function nameConflict(name: string, owner: string): FathomError {
  return new FathomError(
    "conflict",
    `Conflict. The container name "/${name}" is already in use by container "${owner}". You have to remove (or rename) that container to be able to reuse that name.`,
  );
}
