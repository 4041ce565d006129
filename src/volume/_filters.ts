/** Filters of `docker volume ls` and `docker volume prune`. */

import type { Volume } from "../spec/docker_volume.ts";
import { FathomError } from "../std/errors.ts";
import type { Filters } from "./contract.ts";

type Test = (volume: Volume) => boolean;

const TRUE = new Set(["1", "true"]);
const FALSE = new Set(["0", "false"]);

/** Whether `ls` shows a volume. @throws {FathomError} invalid */
export function listTest(filters: Filters, isUsed: (name: string) => boolean): Test {
  refuseUnknown(filters, ["dangling", "driver", "label", "name"]);
  const { driver = [], name = [] } = filters;
  const dangling = booleanOf(filters, "dangling");
  const labels = labelTest(filters);
  const named = name.map(nameTest);
  return (volume) =>
    (dangling === undefined || dangling === !isUsed(volume.Name)) &&
    (driver.length === 0 || driver.includes(volume.Driver)) &&
    (named.length === 0 || named.some((test) => test(volume.Name))) &&
    labels(volume);
}

/** Whether `prune` takes a volume that nobody uses, but for its name. @throws {FathomError} invalid */
export function pruneTest(filters: Filters): Test {
  refuseUnknown(filters, ["label", "label!", "all"]);
  return labelTest(filters);
}

/** `all=true` of prune. @throws {FathomError} invalid */
export function wantsAll(filters: Filters): boolean {
  return booleanOf(filters, "all") ?? false;
}

function refuseUnknown(filters: Filters, known: readonly string[]): void {
  const unknown = Object.keys(filters).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new FathomError("invalid", `invalid filter '${unknown}'`);
}

function booleanOf(filters: Filters, name: string): boolean | undefined {
  const values = filters[name] ?? [];
  if (values.length === 0) return undefined;
  const isTrue = values.some((value) => TRUE.has(value));
  const isFalse = values.some((value) => FALSE.has(value));
  if (isTrue === isFalse || values.some((value) => !TRUE.has(value) && !FALSE.has(value)))
    throw new FathomError("invalid", `invalid filter '${name}=[${values.join(" ")}]'`);
  return isTrue;
}

/** All of `label`, none of `label!`. */
function labelTest(filters: Filters): Test {
  const { label = [], "label!": without = [] } = filters;
  return ({ Labels }) =>
    label.every((wanted) => hasLabel(Labels ?? {}, wanted)) &&
    !without.some((unwanted) => hasLabel(Labels ?? {}, unwanted));
}

/** `key` or `key=value`. */
function hasLabel(labels: Record<string, string>, wanted: string): boolean {
  const equals = wanted.indexOf("=");
  const key = equals < 0 ? wanted : wanted.slice(0, equals);
  return Object.hasOwn(labels, key) && (equals < 0 || labels[key] === wanted.slice(equals + 1));
}

/** Matched as a regular expression anywhere in the name, as in Docker. */
function nameTest(value: string): (name: string) => boolean {
  try {
    const pattern = new RegExp(value);
    return (name) => pattern.test(name);
  } catch {
    // No regular expression: then only what is equal matches.
    return (name) => name === value;
  }
}
