/** Routes about what the layers of an image hold, Fathom's own addition to the API; and what they need of the engine behind them. */

import type { Squashed } from "../../spec/image_layers.ts";
import { param, type Route } from "../route.ts";

/** Names of images are references, IDs or unambiguous ID prefixes. */
export interface LayerBackend {
  /** Throws not-found for an image or layer that is not there. */
  squash(name: string, options: { from?: string; reference?: string }): Promise<Squashed>;
}

export function layerRoutes(backend: LayerBackend): Route[] {
  return [
    {
      method: "POST",
      pattern: "/images/{name*}/squash",
      handler: async (request, respond) => {
        const from = request.query.get("from");
        const reference = request.query.get("t");
        const options = { ...(from && { from }), ...(reference && { reference }) };
        await respond.json(await backend.squash(param(request, "name"), options), 201);
      },
    },
  ];
}
