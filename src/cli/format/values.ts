/**
 * JSON as the values of a template.
 *
 * Docker's own templates run on Go structs, which tell a struct from a map and a nil slice from a nil pointer. JSON does not, and
 * scripts see the difference (`{{.Config.Labels.x}}` of a label that is not there is no error), so the names say it here.
 */

import { nilMap, nilSlice, type Value } from "../../std/go_template/mod.ts";

/** Fields that are maps in Docker's API. */
const MAPS: ReadonlySet<string> = new Set([
  "Annotations",
  "Attributes",
  "Data",
  "Details",
  "DriverOpts",
  "EndpointsConfig",
  "ExposedPorts",
  "IndexConfigs",
  "Labels",
  "Networks",
  "Options",
  "PortBindings",
  "Ports",
  "Runtimes",
  "StorageOpt",
  "Sysctls",
  "Tmpfs",
  "Volumes",
]);

/** Fields that are pointers, so that null is nil, not an empty slice. */
const POINTERS: ReadonlySet<string> = new Set([
  "ExitCode",
  "GenericResources",
  "Health",
  "Healthcheck",
  "IPAMConfig",
  "Init",
  "MemorySwappiness",
  "OomKillDisable",
  "PidsLimit",
  "RegistryConfig",
  "Server",
  "SizeRootFs",
  "SizeRw",
  "StopTimeout",
]);

/** Fields that an answer may leave out; asking for them is not an error. */
export const OPTIONAL_FIELDS: ReadonlySet<string> = new Set([
  ...POINTERS,
  "Annotations",
  "Shell",
  "StopSignal",
  "StorageOpt",
  "Sysctls",
  "Tmpfs",
  "Variant",
]);

/** Turns parsed JSON into a template's value; `name` is the field it stands in. */
export function toValue(json: unknown, name = "", parent = ""): Value {
  if (json === null || json === undefined) return emptyValue(name);
  if (Array.isArray(json)) return json.map((item) => toValue(item, "", name));
  if (typeof json === "object") {
    const isMap = MAPS.has(name) || (name === "Config" && parent === "LogConfig");
    const entries = Object.entries(json).map(([key, value]): [string, Value] => [
      key,
      toValue(value, isMap ? "" : key, name),
    ]);
    return isMap ? new Map(entries) : Object.fromEntries(entries);
  }
  return typeof json === "string" || typeof json === "number" || typeof json === "boolean"
    ? json
    : String(json);
}

function emptyValue(name: string): Value {
  if (MAPS.has(name)) return nilMap;
  return POINTERS.has(name) ? null : nilSlice;
}
