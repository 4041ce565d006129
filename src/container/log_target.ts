/** Where a container's output is logged: `--log-driver` and `--log-opt`. */

import { type LogConfig, logTarget } from "../logs/mod.ts";
import type { LogTarget } from "../logs/target.ts";
import type { HostConfig } from "../spec/docker.ts";
import { commandLine } from "./config.ts";
import type { Container } from "./container.ts";

/** What is asked for, and the daemon's options where it has the daemon's driver. Those of the local copy hold for any driver. */
export function withDefaults(
  asked: HostConfig["LogConfig"],
  defaults: LogConfig,
): { Type: string; Config: Record<string, string> } {
  const Type = asked?.Type || defaults.Type;
  const inherited = Object.entries(defaults.Config).filter(
    ([name]) => Type === defaults.Type || (name.startsWith("cache-") && Type !== "none"),
  );
  return { Type, Config: { ...Object.fromEntries(inherited), ...asked?.Config } };
}

/** Of a configuration that was checked. @throws {FathomError} for an option's value that is wrong. */
export function targetOf({ record, paths }: Container): LogTarget {
  const { config, host } = record;
  const { Config } = config;
  const { path, args } = commandLine(Config);
  const subject = {
    id: config.Id,
    name: config.Name,
    imageId: config.Image,
    imageName: Config.Image,
    hostname: Config.Hostname,
    ...{ path, args },
    created: config.Created,
    env: Config.Env ?? [],
    labels: Config.Labels ?? {},
  };
  return logTarget(host.LogConfig, subject, paths);
}
