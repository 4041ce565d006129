/** System routes: ping, version, info, events; and what they need of the engine behind them. */

import type { EventMessage, SystemInfo, SystemVersion } from "../../spec/docker.ts";
import { FathomError } from "../../std/errors.ts";
import { legacyInfo } from "../legacy.ts";
import { filtersParam, timeParam } from "../query.ts";
import type { Route } from "../route.ts";
import type { Filters } from "./containers.ts";

export interface SystemBackend {
  version(): Promise<SystemVersion>;
  info(): Promise<SystemInfo>;
  /** Past events since `since`, then live ones until `until` or the signal. Seconds since the epoch, 0 for no bound. */
  events(
    options: { since: number; until: number; filters: Filters },
    signal: AbortSignal,
  ): AsyncIterable<EventMessage>;
}

const PING_FIELDS = {
  "Builder-Version": "1",
  "Cache-Control": "no-cache, no-store, must-revalidate",
  Pragma: "no-cache",
  Swarm: "inactive",
};

export function systemRoutes(backend: SystemBackend): Route[] {
  return [
    { method: "GET", pattern: "/_ping", handler: (_, respond) => respond.text("OK", PING_FIELDS) },
    { method: "HEAD", pattern: "/_ping", handler: (_, respond) => respond.text("", PING_FIELDS) },
    {
      method: "GET",
      pattern: "/version",
      handler: async (_, respond) => respond.json(await backend.version()),
    },
    {
      method: "GET",
      pattern: "/info",
      handler: async ({ version }, respond) => respond.json(legacyInfo(await backend.info(), version)),
    },
    {
      method: "GET",
      pattern: "/events",
      handler: async ({ query, http }, respond) => {
        const options = {
          since: Number(timeParam(query, "since")) / 1e9,
          until: Number(timeParam(query, "until")) / 1e9,
          filters: filtersParam(query),
        };
        if (options.until > 0 && options.since > options.until) {
          const [since, until] = [query.get("since"), query.get("until")];
          throw new FathomError(
            "invalid",
            `\`since\` time (${since}) cannot be after \`until\` time (${until})`,
          );
        }
        await respond.stream("application/json", jsonLines(backend.events(options, http.signal)));
      },
    },
  ];
}

/** One JSON text a line. */
export async function* jsonLines(values: AsyncIterable<unknown>): AsyncIterable<string> {
  for await (const value of values) yield `${JSON.stringify(value)}\n`;
}
