/** Where a container's output is logged: `--log-driver` and `--log-opt`. */

import type { LogTarget } from "../shim/protocol.ts";
import { FathomError } from "../std/errors.ts";
import type { Container } from "./container.ts";
import type { FullHostConfig } from "./host_config.ts";

/** Docker's default has no bound and fills disks. */
const DEFAULT = { "max-size": "10m", "max-file": "10" };
const OPTIONS = ["max-size", "max-file", "compress"];

/** @throws {FathomError} invalid, for a driver or an option that there is none of. */
export function checkLogConfig({ Type: driver, Config: options }: FullHostConfig["LogConfig"]): void {
  if (driver === "none") return;
  if (driver !== "json-file")
    throw new FathomError(
      "invalid",
      `error looking up logging plugin ${driver}: plugin "${driver}" not found`,
    );
  const unknown = Object.keys(options).find((name) => !OPTIONS.includes(name));
  if (unknown !== undefined)
    throw new FathomError("invalid", `unknown log opt '${unknown}' for json-file log driver`);
  readSize(options["max-size"] ?? DEFAULT["max-size"]);
  readCount(options["max-file"] ?? DEFAULT["max-file"]);
}

/** Of a configuration that was checked. */
export function logTarget({ record, paths }: Container): LogTarget {
  const { Type: driver, Config: options } = record.host.LogConfig;
  if (driver === "none") return { driver: "none" };
  return {
    driver: "json-file",
    path: paths.log,
    maxSize: readSize(options["max-size"] ?? DEFAULT["max-size"]),
    maxFiles: readCount(options["max-file"] ?? DEFAULT["max-file"]),
  };
}

const POWER: Record<string, number> = { "": 0, k: 1, m: 2, g: 3, t: 4 };

/** Bytes in powers of 1000, as Docker reads this option; -1 for no bound. */
function readSize(text: string): number {
  if (text === "-1") return -1;
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)\s?([kmgt]?)b?$/i.exec(text) ?? [];
  const size = Math.floor(Number(number) * 1000 ** (POWER[unit.toLowerCase()] ?? 0));
  if (size > 0) return size;
  throw new FathomError("invalid", `invalid value for max-size: '${text}' is no size; write it as 10m`);
}

function readCount(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new FathomError("invalid", `invalid value for max-file: '${text}' is no number above 0`);
}
