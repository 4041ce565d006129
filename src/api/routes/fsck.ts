/** The check of what is stored, Fathom's own addition to the API; and what it needs of the engine behind it. */

import type { Examination } from "../../spec/doctor.ts";
import { boolParam } from "../query.ts";
import type { Route } from "../route.ts";

export interface FsckBackend {
  /** Looks for damage and what was left; with `deep` reads everything; with `fix` mends what can be mended safely. */
  check(options: { deep: boolean; fix: boolean }): Promise<Examination>;
}

export function fsckRoutes(backend: FsckBackend): Route[] {
  return [
    {
      method: "GET",
      pattern: "/system/fsck",
      handler: async ({ query }, respond) =>
        respond.json(await backend.check({ deep: boolParam(query, "deep"), fix: false })),
    },
    {
      method: "POST",
      pattern: "/system/fsck/fix",
      handler: async ({ query }, respond) =>
        respond.json(await backend.check({ deep: boolParam(query, "deep"), fix: true })),
    },
  ];
}
