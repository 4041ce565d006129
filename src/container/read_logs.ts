/** `docker logs`: what the log driver kept, and on as it comes. */

import { readablePath, readLog } from "../logs/mod.ts";
import type { LogOptions } from "../spec/docker_query.ts";
import { FathomError } from "../std/errors.ts";
import type { Container } from "./container.ts";

/**
 * Follows until the program ends, also where it is started again: whoever follows hears of that and asks anew, as in Docker.
 * @throws {FathomError} unsupported, where nothing is kept.
 */
export function readLogs(
  container: Container,
  options: LogOptions,
  signal: AbortSignal,
): { tty: boolean; output: AsyncIterable<Uint8Array> } {
  const { config, host } = container.record;
  const path = readablePath(host.LogConfig, container.paths);
  if (path === undefined)
    throw new FathomError("unsupported", "configured logging driver does not support reading");
  const { follow, ...read } = options;
  const tty = config.Config.Tty;
  const output = readLog(path, {
    ...read,
    framed: !tty,
    signal,
    ...(follow && container.live && { followUntil: container.live.ended }),
  });
  return { tty, output };
}
