/** Routes that plan a prune and carry a plan out, Fathom's own addition to the API; and what they need of the engine behind them. */

import type { PruneItem, PruneOutcome, PrunePlan, PruneWishes } from "../../spec/prune_plan.ts";
import { filled, flag, integer, list, map, object, oneOf, text } from "../../std/shape.ts";
import { type Route, requireJson } from "../route.ts";

export interface PrunePlanBackend {
  /** What a prune would remove now. Throws invalid for a filter. */
  plan(wishes: PruneWishes): Promise<PrunePlan>;
  /** Removes what a plan names, as far as it is as it was. Throws conflict for the plan of another engine. */
  apply(plan: PrunePlan): Promise<PruneOutcome>;
}

const kind = oneOf("container", "image", "volume");

const wishes = object<PruneWishes>({
  Kinds: filled(list(kind)),
  AllImages: filled(flag),
  AllVolumes: filled(flag),
  Filters: filled(map(list(text))),
});

const item = object<PruneItem>({
  Type: filled(kind),
  ID: filled(text),
  Names: filled(list(text)),
  Bytes: filled(integer),
  Rule: filled(text),
  Mark: filled(text),
});

const plan = object<Omit<PrunePlan, "Version">>({
  Engine: filled(text),
  CreatedAt: filled(text),
  Items: filled(list(item)),
  Bytes: filled(integer),
});

export function prunePlanRoutes(backend: PrunePlanBackend): Route[] {
  return [
    {
      method: "POST",
      pattern: "/system/prune/plan",
      handler: async (request, respond) =>
        respond.json(await backend.plan(await requireJson(request, wishes))),
    },
    {
      method: "POST",
      pattern: "/system/prune/apply",
      handler: async (request, respond) => {
        const wanted = await requireJson(request, plan);
        await respond.json(await backend.apply({ Version: 1, ...wanted }));
      },
    },
  ];
}
