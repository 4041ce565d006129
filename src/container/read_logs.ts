/** `docker logs`: what the log driver kept, and on as it comes. */

import { readLog } from "../logs/mod.ts";
import type { LogOptions } from "../spec/docker_query.ts";
import { FathomError } from "../std/errors.ts";
import type { Container } from "./container.ts";
import { isUp } from "./state.ts";
import { untilDown } from "./wait.ts";

/** Follows over restarts, until the container is down. @throws {FathomError} unsupported, where nothing is logged. */
export function readLogs(
  container: Container,
  options: LogOptions,
  signal: AbortSignal,
): { tty: boolean; output: AsyncIterable<Uint8Array> } {
  const { config, host, state } = container.record;
  if (host.LogConfig.Type === "none")
    throw new FathomError("unsupported", "configured logging driver does not support reading");
  const { follow, ...read } = options;
  const tty = config.Config.Tty;
  const output = readLog(container.paths.log, {
    ...read,
    framed: !tty,
    signal,
    ...(follow && isUp(state.Status) && { followUntil: untilDown(container, signal) }),
  });
  return { tty, output };
}
