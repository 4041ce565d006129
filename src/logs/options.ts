/**
 * Log drivers and their options: what may be asked for, and what comes of it.
 *
 * As in Docker, names are checked when a container is made (or the daemon starts) and values when it starts.
 */

import { FathomError } from "../std/errors.ts";
import { attributesOf } from "./_attributes.ts";
import { boolOf, cannotBegin, compressOf, countOf, type Options, sizeOf } from "./_option_values.ts";
import type { LogSubject } from "./_subject.ts";
import { addressOf, checkSyslogOptions, facilityOf, formatOf } from "./_syslog_options.ts";
import { tagOf } from "./_tag.ts";
import type { FileTarget, LogTarget, SyslogTarget } from "./target.ts";

/** Docker's LogConfig. */
export interface LogConfig {
  Type: string;
  Config: Readonly<Record<string, string>>;
}

/** The files that a container's log may go to. */
export interface LogPaths {
  /** Of json-file. */
  log: string;
  localLog: string;
  /** What `logs` reads where the driver sends records elsewhere. */
  cachedLog: string;
}

const ATTRIBUTES = ["labels", "labels-regex", "env", "env-regex", "tag"];
const OF_DRIVER: Readonly<Record<string, readonly string[]>> = {
  "json-file": ["max-size", "max-file", "compress", ...ATTRIBUTES],
  local: ["max-size", "max-file", "compress"],
  syslog: [
    ...["syslog-address", "syslog-facility", "syslog-format"],
    ...["syslog-tls-ca-cert", "syslog-tls-cert", "syslog-tls-key", "syslog-tls-skip-verify"],
    ...ATTRIBUTES,
  ],
};
const OF_CACHE = ["cache-disabled", "cache-max-size", "cache-max-file", "cache-compress"];
const OF_ALL = ["mode", "max-buffer-size", ...OF_CACHE];

/** The drivers there are, in the order in which `info` lists them. */
export const LOG_DRIVERS = ["json-file", "local", "none", "syslog"];

/** Docker's default has no bound and fills disks. */
const JSON_FILE = { maxSize: 10_000_000, maxFiles: 10 };
/** Docker's. */
const LOCAL = { maxSize: 20 * 1024 * 1024, maxFiles: 5, compress: true };
const MAX_BUFFER = 1_000_000;

/** @throws {FathomError} invalid, for a driver or an option that there is none of, in Docker's words. */
export async function checkLogConfig({ Type: driver, Config: options }: LogConfig): Promise<void> {
  if (driver === "none") return;
  readMode(options);
  if (options["cache-disabled"] && boolOf(options["cache-disabled"]) === undefined)
    throw new FathomError("invalid", `invalid value for option cache-disabled: ${options["cache-disabled"]}`);
  const names = Object.hasOwn(OF_DRIVER, driver) ? OF_DRIVER[driver] : undefined;
  if (names === undefined)
    throw new FathomError(
      "invalid",
      `error looking up logging plugin ${driver}: plugin "${driver}" not found`,
    );
  const unknown = Object.keys(options).find((name) => !names.includes(name) && !OF_ALL.includes(name));
  if (unknown !== undefined)
    throw new FathomError(
      "invalid",
      driver === "local"
        ? `unknown log opt '${unknown}' for log driver local`
        : `unknown log opt '${unknown}' for ${driver} log driver`,
    );
  if (driver === "syslog") await checkSyslogOptions(options);
}

/** What a container's start gives its shim, of a configuration that was checked. @throws {FathomError} for a value that is wrong. */
export function logTarget(config: LogConfig, subject: LogSubject, paths: LogPaths): LogTarget {
  const { Type: driver, Config: options } = config;
  switch (driver) {
    case "none":
      return { driver };
    case "local":
      return { driver, ...localTarget(options, paths.localLog) };
    case "syslog":
      return { driver, syslog: syslogTarget(options, subject), ...cacheTarget(options, paths.cachedLog) };
    default:
      return { driver: "json-file", ...jsonFileTarget(options, subject, paths.log) };
  }
}

/** The file that `logs` reads; undefined where the driver keeps nothing here. */
export function readablePath(
  { Type: driver, Config: options }: LogConfig,
  paths: LogPaths,
): string | undefined {
  switch (driver) {
    case "none":
      return undefined;
    case "local":
      return paths.localLog;
    case "syslog":
      return boolOf(options["cache-disabled"] ?? "") ? undefined : paths.cachedLog;
    default:
      return paths.log;
  }
}

function jsonFileTarget(options: Options, subject: LogSubject, path: string): FileTarget {
  const size = options["max-size"] ?? "";
  const maxSize = size === "" ? JSON_FILE.maxSize : unboundedSize(size);
  const maxFiles = options["max-file"] ? countOf(options["max-file"]) : JSON_FILE.maxFiles;
  const compress = options.compress ? compressOf(options.compress) : false;
  if (compress && (maxFiles < 2 || maxSize < 0))
    throw cannotBegin("compress cannot be true when max-file is less than 2 or max-size is not set");
  const tag = tagOf(options, subject, "");
  const attributes = { ...attributesOf(options, subject), ...(tag !== "" && { tag }) };
  return {
    ...{ path, maxSize, maxFiles },
    ...(compress && { compress }),
    ...(Object.keys(attributes).length > 0 && { attributes }),
  };
}

/** -1, which Docker's documents name as its default, is for no bound. */
function unboundedSize(text: string): number {
  if (text === "-1") return -1;
  const size = sizeOf(text, 1000);
  if (size === undefined) throw cannotBegin(`invalid size: '${text}'`);
  if (size === 0) throw cannotBegin("max-size must be a positive number");
  return size;
}

/** The options of the local driver, whose names begin with `prefix`. */
function localTarget(options: Options, path: string, prefix = ""): FileTarget {
  const {
    [`${prefix}max-size`]: size,
    [`${prefix}max-file`]: files,
    [`${prefix}compress`]: packed,
  } = options;
  const maxSize = size ? sizeOf(size, 1024) : LOCAL.maxSize;
  if (!maxSize) throw cannotBegin(`invalid value for max-size: ${size}: invalid size: '${size}'`);
  if (files && !/^[+-]?\d{1,9}$/.test(files))
    throw cannotBegin(
      `invalid value for max-file: ${files}: strconv.Atoi: parsing "${files}": invalid syntax`,
    );
  const maxFiles = files ? Number(files) : LOCAL.maxFiles;
  const compress = packed ? boolOf(packed) : LOCAL.compress;
  if (compress === undefined)
    throw cannotBegin(
      `error reading compress log option: strconv.ParseBool: parsing "${packed}": invalid syntax`,
    );
  if (compress && maxFiles <= 1) throw cannotBegin("compression cannot be enabled when max file count is 1");
  if (maxFiles < 1) throw cannotBegin("max-file cannot be less than 1");
  return { path, maxSize, maxFiles, ...(compress && { compress }) };
}

function cacheTarget(options: Options, path: string): { cache?: FileTarget } {
  if (boolOf(options["cache-disabled"] ?? "")) return {};
  return { cache: localTarget(options, path, "cache-") };
}

function syslogTarget(options: Options, subject: LogSubject): SyslogTarget {
  // Nobody reads them at a syslog server, but an expression that is wrong is said to be so.
  attributesOf(options, subject);
  const { nonBlocking, maxBuffer } = readMode(options);
  return {
    address: addressOf(options),
    facility: facilityOf(options),
    format: formatOf(options),
    tag: tagOf(options, subject, "{{.ID}}"),
    maxBuffer,
    nonBlocking,
  };
}

/**
 * `mode` and `max-buffer-size`. Files are written at once in either mode: a program never waits for more than the disk, and
 * nothing is dropped.
 */
function readMode(options: Options): { nonBlocking: boolean; maxBuffer: number } {
  const { mode = "", "max-buffer-size": size = "" } = options;
  if (!["", "blocking", "non-blocking"].includes(mode))
    throw new FathomError("invalid", `logger: logging mode not supported: ${mode}`);
  const nonBlocking = mode === "non-blocking";
  if (size === "") return { nonBlocking, maxBuffer: MAX_BUFFER };
  if (!nonBlocking)
    throw new FathomError(
      "invalid",
      "logger: max-buffer-size option is only supported with 'mode=non-blocking'",
    );
  const maxBuffer = sizeOf(size, 1024);
  if (maxBuffer === undefined)
    throw new FathomError("invalid", `error parsing option max-buffer-size: invalid size: '${size}'`);
  return { nonBlocking, maxBuffer };
}
