/** The log driver of containers that name none: `log-driver` and `log-opts`, which is `--log-opt` on the command line. */

import { checkLogConfig, type LogConfig, type LogSubject, logTarget } from "../logs/mod.ts";
import { FathomError, messageOf } from "../std/errors.ts";

/** Reads `name=value` of each. @throws {FathomError} invalid */
export function logOptions(texts: unknown): Record<string, string> {
  const list = Array.isArray(texts) ? texts.map(String) : [];
  return Object.fromEntries(
    list.map((text) => {
      const equals = text.indexOf("=");
      if (equals > 0) return [text.slice(0, equals), text.slice(equals + 1)];
      throw new FathomError("invalid", `invalid argument "${text}" for --log-opt: write it as name=value`);
    }),
  );
}

/** @throws {FathomError} invalid, for a driver, an option or a value that there is none of. */
export async function defaultLogOf(config: {
  logDriver: string;
  logOpts: Record<string, string>;
}): Promise<LogConfig> {
  const log = { Type: config.logDriver, Config: config.logOpts };
  try {
    await checkLogConfig(log);
    logTarget(log, ANYBODY, { log: "", localLog: "", cachedLog: "" });
  } catch (cause) {
    throw new FathomError("invalid", `failed to set log opts: ${messageOf(cause)}`, { cause });
  }
  return log;
}

/** Values are read for a container, so that what is wrong with them is known before there is one. */
const ANYBODY: LogSubject = {
  id: "0".repeat(64),
  name: "anybody",
  imageId: `sha256:${"0".repeat(64)}`,
  imageName: "any",
  hostname: "any",
  path: "/any",
  args: [],
  created: "1970-01-01T00:00:00Z",
  env: [],
  labels: {},
};
