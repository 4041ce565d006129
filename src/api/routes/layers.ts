/** Routes about what the layers of an image hold, Fathom's own addition to the API; and what they need of the engine behind them. */

import type { FileDifference, FoundFiles, LayerFile, Squashed, WhyBig } from "../../spec/image_layers.ts";
import { FathomError } from "../../std/errors.ts";
import type { Respond } from "../respond.ts";
import { type ApiRequest, param, type Route } from "../route.ts";

/** Disposing of it lets go of the image. */
export interface Told<T> extends Disposable {
  pieces: AsyncIterable<readonly T[]>;
}

/** Names of images are references, IDs or unambiguous ID prefixes. All throw not-found for an image or layer that is not there. */
export interface LayerBackend {
  squash(name: string, options: { from?: string; reference?: string }): Promise<Squashed>;
  whyBig(name: string): Promise<WhyBig>;
  files(name: string, layer: string): Promise<Told<LayerFile>>;
  find(name: string, wanted: string): Promise<FoundFiles>;
  diff(first: string, second: string): Promise<Told<FileDifference>>;
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
    {
      method: "GET",
      pattern: "/images/{name*}/why-big",
      handler: async (request, respond) => respond.json(await backend.whyBig(param(request, "name"))),
    },
    {
      method: "GET",
      pattern: "/images/{name*}/layer-files",
      handler: async (request, respond) =>
        tell(await backend.files(param(request, "name"), wanted(request, "layer")), respond),
    },
    {
      method: "GET",
      pattern: "/images/{name*}/find-files",
      handler: async (request, respond) =>
        respond.json(await backend.find(param(request, "name"), wanted(request, "path"))),
    },
    {
      method: "GET",
      pattern: "/images/{name*}/diff",
      handler: async (request, respond) =>
        tell(await backend.diff(param(request, "name"), wanted(request, "to")), respond),
    },
  ];
}

function wanted({ query }: ApiRequest, name: string): string {
  const value = query.get(name);
  if (value) return value;
  throw new FathomError("invalid", `${name} has to be given`);
}

/** A line of JSON for each. */
async function tell<T>(told: Told<T>, respond: Respond): Promise<void> {
  using held = told;
  await respond.stream("application/x-ndjson", linesOf(held.pieces));
}

async function* linesOf(pieces: AsyncIterable<readonly unknown[]>): AsyncGenerator<string, void> {
  for await (const piece of pieces) yield piece.map((one) => `${JSON.stringify(one)}\n`).join("");
}
