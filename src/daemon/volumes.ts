/** The volumes of the engine, and the events that tell of them. */

import { join } from "node:path";
import { openVolumes, type Volumes } from "../volume/mod.ts";
import type { EventBus } from "./events.ts";
import type { Log } from "./log.ts";

export function openVolumeStore(
  { dataRoot }: { dataRoot: string },
  { events, log }: { events: EventBus; log: Log },
): Promise<Volumes> {
  return openVolumes({
    root: join(dataRoot, "volumes"),
    emit: ({ action, id, attributes }) => events.emit({ Type: "volume", Action: action, id, attributes }),
    warn: (sentence) => log("warn", sentence),
  });
}
