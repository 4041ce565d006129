/** A container's status in words, as `docker ps` shows it. Pure. */

import { formatSpan } from "../std/units.ts";
import type { StateRecord } from "./records.ts";

/** `Up 3 seconds`, `Exited (0) 2 minutes ago`; `now` in milliseconds since the epoch. */
export function statusText(state: StateRecord, now: number): string {
  const since = (time: string) => formatSpan((now - Date.parse(time)) / 1000);
  switch (state.Status) {
    case "created":
      return "Created";
    case "running":
      return `Up ${since(state.StartedAt)}${healthText(state)}`;
    case "paused":
      return `Up ${since(state.StartedAt)} (Paused)`;
    case "restarting":
      return `Restarting (${state.ExitCode}) ${since(state.FinishedAt)} ago`;
    case "removing":
      return "Removal In Progress";
    case "exited":
      return `Exited (${state.ExitCode}) ${since(state.FinishedAt)} ago`;
    case "dead":
      return "Dead";
  }
}

function healthText({ Health: health }: StateRecord): string {
  if (health === undefined) return "";
  return health.Status === "starting" ? " (health: starting)" : ` (${health.Status})`;
}
