/**
 * Dockerfile instructions applied to a configuration: `docker import --change` and `docker commit --change`.
 *
 * Source: Dockerfile reference. Only instructions that change nothing but the configuration may be given.
 */

import { constants } from "node:os";
import { posix } from "node:path";
import type { HealthConfig } from "../spec/docker.ts";
import type { ImageRunConfig } from "../spec/oci_image.ts";
import { FathomError } from "../std/errors.ts";
import { parseGoDuration } from "../std/units.ts";
import { splitWords, unquote } from "./_words.ts";

interface Instruction {
  name: string;
  /** What stands behind the name. */
  rest: string;
}

/** What one instruction makes of a configuration. */
type Apply = (config: ImageRunConfig, rest: string, context: Context) => ImageRunConfig;

interface Context {
  /** CMD was given among these changes: a later ENTRYPOINT leaves it. */
  commandGiven: boolean;
  /** A value with its quotes taken away and variables of the configuration put in. */
  word: (word: string) => string;
}

/** @throws {FathomError} invalid, in Docker's wording where it has one; the configuration given is not changed. */
export function applyChanges(config: ImageRunConfig, changes: readonly string[]): ImageRunConfig {
  let result = config;
  let commandGiven = false;
  for (const { name, rest } of instructionsIn(changes)) {
    const apply = INSTRUCTIONS[name];
    if (apply === undefined) throw new FathomError("invalid", `${name} is not a valid change command`);
    if (rest === "") throw new FathomError("invalid", `${name} requires at least one argument`);
    const before = result;
    const variables = (variable: string) => environmentOf(before).get(variable);
    result = apply(before, rest, { commandGiven, word: (word) => unquote(word, variables) });
    if (name === "CMD") commandGiven = true;
  }
  return result;
}

/** Comments and empty lines are left out; a backslash at the end of a line joins it with the next. */
function instructionsIn(changes: readonly string[]): Instruction[] {
  const lines = changes
    .join("\n")
    .replace(/\\[ \t]*\n/g, "")
    .split("\n");
  const instructions = lines
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  return instructions.map((line) => {
    const [name = ""] = line.split(/\s/, 1);
    return { name: name.toUpperCase(), rest: line.slice(name.length).trim() };
  });
}

const INSTRUCTIONS: Readonly<Record<string, Apply>> = {
  CMD: (config, rest) => ({ ...config, Cmd: command(config, rest) }),
  ENTRYPOINT: (config, rest, { commandGiven }) => ({
    ...config,
    Entrypoint: command(config, rest),
    ...(!commandGiven && config.Cmd !== undefined && { Cmd: null }),
  }),
  ENV: (config, rest, { word }) => ({ ...config, Env: withEnvironment(config, pairs(rest, word, "ENV")) }),
  LABEL: (config, rest, { word }) => ({
    ...config,
    Labels: { ...config.Labels, ...Object.fromEntries(pairs(rest, word, "LABEL")) },
  }),
  EXPOSE: (config, rest, { word }) => ({
    ...config,
    ExposedPorts: {
      ...config.ExposedPorts,
      ...keys(splitWords(rest).flatMap((port) => portsOf(word(port)))),
    },
  }),
  USER: (config, rest, { word }) => ({ ...config, User: word(rest) }),
  VOLUME: (config, rest, { word }) => ({
    ...config,
    Volumes: { ...config.Volumes, ...keys(volumesOf(rest, word)) },
  }),
  WORKDIR: (config, rest, { word }) => ({
    ...config,
    WorkingDir: posix.resolve("/", config.WorkingDir ?? "", word(rest)),
  }),
  STOPSIGNAL: (config, rest, { word }) => ({ ...config, StopSignal: signalOf(word(rest)) }),
  ONBUILD: (config, rest) => ({ ...config, OnBuild: [...(config.OnBuild ?? []), triggerOf(rest)] }),
  HEALTHCHECK: (config, rest) => ({ ...config, Healthcheck: healthOf(rest) }),
};

const keys = (names: readonly string[]): Record<string, Record<string, never>> =>
  Object.fromEntries(names.map((name) => [name, {}]));

const DEFAULT_SHELL: readonly string[] = ["/bin/sh", "-c"];

/** The JSON form as it stands, else the text for the shell. */
function command(config: ImageRunConfig, rest: string): string[] {
  return jsonWords(rest) ?? [...(config.Shell ?? DEFAULT_SHELL), rest];
}

/** A JSON array of strings; undefined for anything else, which is then text for the shell. */
function jsonWords(text: string): string[] | undefined {
  if (!text.startsWith("[")) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((word) => typeof word === "string") ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function environmentOf(config: ImageRunConfig): Map<string, string> {
  return new Map((config.Env ?? []).map((variable) => cut(variable)));
}

/** A variable that is there keeps its place. */
function withEnvironment(config: ImageRunConfig, added: readonly [string, string][]): string[] {
  return [...new Map([...environmentOf(config), ...added])].map(([name, value]) => `${name}=${value}`);
}

function cut(pair: string): [string, string] {
  const equals = pair.indexOf("=");
  return equals < 0 ? [pair, ""] : [pair.slice(0, equals), pair.slice(equals + 1)];
}

/** `NAME=value NAME="other value"`, or the old form `NAME the rest of the line`. */
function pairs(rest: string, word: Context["word"], instruction: string): [string, string][] {
  const words = splitWords(rest);
  if (words[0]?.includes("=") !== true) {
    const [name = ""] = words;
    const value = rest.slice(name.length).trim();
    if (value === "") throw new FathomError("invalid", `${instruction} must have two arguments`);
    return [[word(name), word(value)]];
  }
  return words.map((pair) => {
    const [name, value] = cut(pair);
    if (!pair.includes("=")) {
      throw new FathomError(
        "invalid",
        `Syntax error - can't find = in ${JSON.stringify(pair)}. Must be of the form: name=value`,
      );
    }
    if (name === "") throw new FathomError("invalid", `${instruction} names can not be blank`);
    return [word(name), word(value)];
  });
}

const PORT = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/i;

/** `80`, `53/udp`, `8000-8003`. */
function portsOf(text: string): string[] {
  const [, first = "", last = first, protocol = "tcp"] = PORT.exec(text) ?? [];
  const [from, to] = [Number(first), Number(last)];
  if (first === "" || from > to || to > 65_535)
    throw new FathomError("invalid", `invalid containerPort: ${text}`);
  return Array.from({ length: to - from + 1 }, (_, index) => `${from + index}/${protocol.toLowerCase()}`);
}

function volumesOf(rest: string, word: Context["word"]): string[] {
  const volumes = (jsonWords(rest) ?? splitWords(rest)).map((volume) => word(volume).trim());
  if (volumes.includes("")) throw new FathomError("invalid", "VOLUME specified can not be an empty string");
  return volumes;
}

/** By name with or without SIG, by number, or relative to the real-time signals' bounds. */
function signalOf(text: string): string {
  const name = text.toUpperCase().replace(/^SIG/, "");
  const isKnown = /^\d+$/.test(text)
    ? Number(text) >= 1 && Number(text) <= 64
    : `SIG${name}` in constants.signals || /^RTM(IN(\+\d+)?|AX(-\d+)?)$/.test(name);
  if (!isKnown) throw new FathomError("invalid", `Invalid signal: ${text}`);
  return text;
}

function triggerOf(rest: string): string {
  const [name = ""] = rest.split(/\s/, 1);
  const upper = name.toUpperCase();
  if (upper === "ONBUILD") {
    throw new FathomError("invalid", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  }
  if (upper === "FROM" || upper === "MAINTAINER") {
    throw new FathomError("invalid", `${upper} isn't allowed as an ONBUILD trigger`);
  }
  return upper + rest.slice(name.length);
}

const HEALTH_OPTIONS: ReadonlyMap<string, Exclude<keyof HealthConfig, "Test">> = new Map([
  ["interval", "Interval"],
  ["timeout", "Timeout"],
  ["start-period", "StartPeriod"],
  ["start-interval", "StartInterval"],
  ["retries", "Retries"],
]);

/** `NONE`, or options and `CMD` with a command in either form. */
function healthOf(rest: string): HealthConfig {
  const [, options = "", type = "", text = ""] = /^((?:--\S+\s+)*)(\S+)\s*(.*)$/s.exec(rest) ?? [];
  const health: HealthConfig = {};
  for (const option of splitWords(options)) {
    const [flag, value] = cut(option.slice(2));
    const key = HEALTH_OPTIONS.get(flag);
    if (key === undefined) throw new FathomError("invalid", `unknown flag: ${flag}`);
    health[key] = key === "Retries" ? retriesOf(value) : durationOf(flag, value);
  }
  if (type.toUpperCase() === "NONE") {
    if (text !== "") throw new FathomError("invalid", "HEALTHCHECK NONE takes no arguments");
    return { ...health, Test: ["NONE"] };
  }
  if (type.toUpperCase() !== "CMD") {
    throw new FathomError("invalid", `Unknown type ${JSON.stringify(type)} in HEALTHCHECK (try CMD)`);
  }
  if (text === "") throw new FathomError("invalid", "Missing command after HEALTHCHECK CMD");
  const words = jsonWords(text);
  return { ...health, Test: words === undefined ? ["CMD-SHELL", text] : ["CMD", ...words] };
}

const MILLISECOND = 1_000_000;

function durationOf(flag: string, value: string): number {
  const duration = parseGoDuration(value);
  if (duration === undefined || duration < MILLISECOND) {
    throw new FathomError("invalid", `Interval ${JSON.stringify(flag)} cannot be less than 1ms`);
  }
  return duration;
}

function retriesOf(value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new FathomError("invalid", `--retries must be a number: ${value}`);
  return Number(value);
}
