/** Keeps a container's state on disk as it is in memory. */

import { messageOf } from "../std/errors.ts";
import type { Container } from "./container.ts";
import type { Context } from "./context.ts";
import { writeJson } from "./records.ts";

/** Writes the state as it is when its turn comes; a failure is logged, since what happened has happened. */
export function saveState(
  context: Context,
  container: Container,
  { sync }: { sync: boolean } = { sync: false },
): Promise<void> {
  const { record, paths } = container;
  container.saved = container.saved
    .then(() =>
      record.state.Status === "removing" ? undefined : writeJson(paths.state, record.state, { sync }),
    )
    .catch((error) =>
      context.options.warn(`container ${record.config.Id}: its state cannot be saved: ${messageOf(error)}`),
    );
  return container.saved;
}
