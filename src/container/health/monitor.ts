/** Probes the health of a container that runs: when health.ts says so, until its end, and sees to what follows. */

import type { HealthLogEntry } from "../../spec/docker.ts";
import { kindOf, messageOf } from "../../std/errors.ts";
import { type Container, nameOf } from "../container.ts";
import type { Context } from "../context.ts";
import { saveState } from "../save.ts";
import { killContainer, restartContainer, stopContainer } from "../stop.ts";
import { tell } from "../tell.ts";
import { healthAfter, healthTimes, onFailure, probeCommand, untilNextProbe } from "./health.ts";
import { runProbe } from "./probe.ts";

/** Between probes at least this far apart, in milliseconds, the shim's memory is worth more than the time it takes to wake. */
const REST = 10_000;

/** Begins to probe the present run of a container with a health check; an earlier engine may have done so before. */
export function monitorHealth(context: Context, container: Container): void {
  const { live, record } = container;
  const command = probeCommand(record.config.Config);
  const { Healthcheck: config } = record.config.Config;
  if (live === undefined || command === undefined || config === undefined) return;
  const { state } = record;
  state.Health ??= { Status: "starting", FailingStreak: 0, Log: [] };
  const { Health: first } = state;
  const times = healthTimes(config);
  const age = (at = Date.now()) => at - Date.parse(state.StartedAt);
  const probe = async (): Promise<void> => {
    // One that is paused is not asked: it could not answer.
    const result =
      state.Status === "running"
        ? await runProbe(context, container, {
            command,
            timeout: times.timeout,
            restAfter: times.interval >= REST,
          })
        : undefined;
    if (container.live !== live) return;
    if (result !== undefined && state.Status === "running") {
      const sinceStart = age(Date.parse(result.Start));
      take(context, container, { result, ...times, sinceStart });
    }
    schedule();
  };
  const schedule = (): void => {
    const wait = untilNextProbe(state.Health ?? first, times, age());
    container.probeTimer = setTimeout(() => void probe(), wait);
  };
  schedule();
}

type Taken = Parameters<typeof healthAfter>[2] & { result: HealthLogEntry };

/** Takes a result into the state, and tells of a change. */
function take(context: Context, container: Container, { result, ...how }: Taken): void {
  const { state, host } = container.record;
  if (state.Health === undefined) return;
  const before = state.Health.Status;
  state.Health = healthAfter(state.Health, result, how);
  void saveState(context, container);
  const { Status: status } = state.Health;
  if (status === before) return;
  tell(context, container, { action: `health_status: ${status}` });
  if (status === "unhealthy") void act(context, container, onFailure(host.Annotations));
}

/** What the user wants done with a container that has turned unhealthy. */
async function act(
  context: Context,
  container: Container,
  action: ReturnType<typeof onFailure>,
): Promise<void> {
  try {
    switch (action) {
      case "none":
        return;
      case "kill":
        return await killContainer(context, container);
      case "stop":
        return await stopContainer(context, container, {});
      case "restart":
        return await restartContainer(context, container, {});
    }
  } catch (error) {
    // It has ended meanwhile, which is as well.
    if (kindOf(error) === "conflict" || kindOf(error) === "not-modified") return;
    context.options.warn(
      `container ${nameOf(container).id} is unhealthy, and to ${action} it failed: ${messageOf(error)}`,
    );
  }
}
