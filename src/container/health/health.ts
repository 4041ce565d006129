/**
 * Whether a container's program is well: how Docker comes from the results of probes to a status. Pure.
 *
 * A container with a health check starts as `starting`. The first probe that succeeds makes it `healthy`, whatever the time; so
 * many failures in a row as `Retries` says make it `unhealthy`. Failures of a probe that began in the start period, before any
 * has succeeded, count for nothing.
 */

import {
  HEALTH_ON_FAILURE,
  type HealthConfig,
  type HealthLogEntry,
  type HealthState,
} from "../../spec/docker.ts";
import { FathomError } from "../../std/errors.ts";

/** Docker's, in nanoseconds as in requests. */
const DEFAULTS = { interval: 30e9, timeout: 30e9, startPeriod: 0, startInterval: 5e9, retries: 3 };
const MOST_LOGGED = 5;
const NANOSECONDS = 1e6;
/** The longest time that setTimeout takes, in milliseconds. */
const LONGEST_TIMER = 2 ** 31 - 1;
/** Nanoseconds. */
const LEAST_TIME = 1e6;

const DEFAULT_SHELL = ["/bin/sh", "-c"];

/** The times of a health check in milliseconds, with Docker's where none is set. */
export interface HealthTimes {
  interval: number;
  timeout: number;
  startPeriod: number;
  startInterval: number;
  retries: number;
}

export function healthTimes(config: HealthConfig): HealthTimes {
  const milliseconds = (set: number | undefined, otherwise: number) =>
    Math.min((set || otherwise) / NANOSECONDS, LONGEST_TIMER);
  return {
    interval: milliseconds(config.Interval, DEFAULTS.interval),
    timeout: milliseconds(config.Timeout, DEFAULTS.timeout),
    startPeriod: milliseconds(config.StartPeriod, DEFAULTS.startPeriod),
    startInterval: milliseconds(config.StartInterval, DEFAULTS.startInterval),
    retries: config.Retries || DEFAULTS.retries,
  };
}

/** The program of a probe with its arguments; undefined where there is no health check, or none that Docker knows. */
export function probeCommand(config: { Healthcheck?: HealthConfig; Shell?: string[] }): string[] | undefined {
  const [kind, ...words] = config.Healthcheck?.Test ?? [];
  if (kind === "CMD" && words.length > 0) return words;
  if (kind !== "CMD-SHELL" || words.length === 0) return undefined;
  return [...(config.Shell?.length ? config.Shell : DEFAULT_SHELL), ...words];
}

/** At the start of a container; the log of its last run stays, as in Docker. */
export function healthAtStart(before: HealthState | undefined): HealthState {
  return { Status: "starting", FailingStreak: 0, Log: before?.Log ?? [] };
}

/** `sinceStart`: how long the container had run when the probe began, in milliseconds. */
export function healthAfter(
  health: HealthState,
  result: HealthLogEntry,
  { retries, startPeriod, sinceStart }: Pick<HealthTimes, "retries" | "startPeriod"> & { sinceStart: number },
): HealthState {
  const Log = [...health.Log, result].slice(-MOST_LOGGED);
  if (result.ExitCode === 0) return { Status: "healthy", FailingStreak: 0, Log };
  if (health.Status === "starting" && sinceStart < startPeriod) return { ...health, Log };
  const FailingStreak = health.FailingStreak + 1;
  return { Status: FailingStreak >= retries ? "unhealthy" : health.Status, FailingStreak, Log };
}

/** Milliseconds until the next probe: the start interval while it starts and its start period lasts. */
export function untilNextProbe(
  { Status }: HealthState,
  { interval, startPeriod, startInterval }: HealthTimes,
  sinceStart: number,
): number {
  return Status === "starting" && sinceStart < startPeriod ? startInterval : interval;
}

/** As it is shown: what is not probed, because it does not run or is paused, is not known to be well, and Docker calls it unhealthy. */
export function shownHealth(state: { Status: string; Health?: HealthState }): HealthState | undefined {
  if (state.Health === undefined || state.Status === "running") return state.Health;
  return { ...state.Health, Status: "unhealthy" };
}

/** The request's health check on top of the image's: what it leaves out is inherited. */
export function mergeHealthcheck(
  own: HealthConfig | undefined,
  image: HealthConfig | undefined,
): HealthConfig | undefined {
  if (own === undefined || image === undefined) return own ?? image;
  const set = Object.entries(own).filter(
    ([, value]) => value && !(Array.isArray(value) && value.length === 0),
  );
  return { ...image, ...Object.fromEntries(set) };
}

/** @throws {FathomError} invalid, in Docker's words. */
export function checkHealthcheck(config: HealthConfig | undefined): void {
  for (const name of ["Interval", "Timeout", "StartPeriod", "StartInterval"] as const) {
    const time = config?.[name] ?? 0;
    if (time !== 0 && time < LEAST_TIME)
      throw new FathomError("invalid", `${name} in Healthcheck cannot be less than 1ms`);
  }
  if ((config?.Retries ?? 0) < 0)
    throw new FathomError("invalid", "Retries in Healthcheck cannot be negative");
}

/** What is done when a container turns unhealthy: Podman's `--health-on-failure`, said by an annotation. */
export type OnFailure = "none" | "kill" | "restart" | "stop";

/** @throws {FathomError} invalid, for an action that is none. */
export function onFailure(annotations: Readonly<Record<string, string>> | undefined): OnFailure {
  const action = annotations?.[HEALTH_ON_FAILURE] ?? "none";
  if (action === "none" || action === "kill" || action === "restart" || action === "stop") return action;
  throw new FathomError(
    "invalid",
    `invalid annotation ${HEALTH_ON_FAILURE}=${action}: what to do when a container turns unhealthy is one of none, kill, restart and stop`,
  );
}
