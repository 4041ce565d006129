/** System routes: ping, version, info, events; and what they need of the engine behind them. */

import type { EventMessage, SystemInfo, SystemVersion } from "../../spec/docker.ts";
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
