/** Whether a container is probed, and the way to what probes it, which is loaded only then. */

import { messageOf } from "../../std/errors.ts";
import { type Container, nameOf } from "../container.ts";
import type { Context } from "../context.ts";
import { probeCommand } from "./health.ts";

export function hasProbe({ record }: Container): boolean {
  return probeCommand(record.config.Config) !== undefined;
}

/** Probes its health until the end of this run. Never rejects. */
export async function beginProbes(context: Context, container: Container): Promise<void> {
  try {
    const { monitorHealth } = await import("./monitor.ts");
    monitorHealth(context, container);
  } catch (error) {
    context.options.warn(`container ${nameOf(container).id}: its health is not checked: ${messageOf(error)}`);
  }
}
