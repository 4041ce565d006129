/** Routes of the trash and of locks on volumes, Fathom's own addition to the API; and what they need of the engine behind them. */

import type { Restored, Trash } from "../../spec/trash.ts";
import { param, type Route } from "../route.ts";

export interface TrashBackend {
  list(): Promise<Trash>;
  /** Throws not-found, and conflict when a volume of that name is there. */
  restore(id: string): Promise<Restored>;
  /** Deletes all for good, or what the IDs name, and says what that was. Throws not-found. */
  empty(ids: readonly string[]): Promise<Trash>;
  /** Protects a volume from every removal, or does so no more. Throws not-found. */
  setLocked(volume: string, locked: boolean): Promise<void>;
}

export function trashRoutes(backend: TrashBackend): Route[] {
  const lock = (verb: "lock" | "unlock"): Route => ({
    method: "POST",
    pattern: `/volumes/{name}/${verb}`,
    handler: async (request, respond) => {
      await backend.setLocked(param(request, "name"), verb === "lock");
      await respond.empty(204);
    },
  });
  return [
    {
      method: "GET",
      pattern: "/system/trash",
      handler: async (_, respond) => respond.json(await backend.list()),
    },
    {
      method: "POST",
      pattern: "/system/trash/{id}/restore",
      handler: async (request, respond) => respond.json(await backend.restore(param(request, "id"))),
    },
    {
      method: "DELETE",
      pattern: "/system/trash",
      handler: async ({ query }, respond) => respond.json(await backend.empty(query.getAll("id"))),
    },
    lock("lock"),
    lock("unlock"),
  ];
}
