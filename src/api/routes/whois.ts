/** The route that tells whose a thing of the host is, Fathom's own; and what it needs of the engine behind it. */

import type { WhoisAnswer } from "../../spec/whois.ts";
import { FathomError } from "../../std/errors.ts";
import type { Route } from "../route.ts";

export interface WhoisBackend {
  /** `asked` is a number, a link's name, an address, a path, or one of these behind a word that says which. */
  whois(asked: string): Promise<WhoisAnswer>;
}

export function whoisRoutes(backend: WhoisBackend): Route[] {
  return [
    {
      method: "GET",
      pattern: "/system/whois",
      handler: async (request, respond) => {
        const asked = request.query.get("what")?.trim() ?? "";
        if (asked === "") throw new FathomError("invalid", "say what to look for: what=8080, what=/path");
        await respond.json(await backend.whois(asked));
      },
    },
  ];
}
