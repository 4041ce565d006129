/** Reading a bundle: a directory with config.json (runtime-spec, bundle.md). */

import { readFileSync } from "node:fs";
import { resolve } from "node:path/posix";
import type { RuntimeConfig } from "../spec/oci_runtime.ts";
import { FathomError, messageOf } from "../std/errors.ts";
import type { Bundle } from "./runtime.ts";

/** The configuration that a container was made with, whatever its bundle holds by now. @throws {FathomError} as readBundle. */
export function configOf({ bundle, copy = bundle }: Bundle): RuntimeConfig {
  return readBundle(copy);
}

/** Semantic versions of the specification's that have a configuration of this form. */
const VERSION = /^1\.\d+\.\d+/;

/**
 * The configuration of a bundle, `root.path` made absolute.
 * @throws {FathomError} not-found or invalid
 */
export function readBundle(bundle: string): RuntimeConfig {
  const path = `${bundle}/config.json`;
  const config = parse(path, read(path));
  if (
    config.process?.args === undefined ||
    config.root?.path === undefined ||
    config.linux?.namespaces === undefined
  )
    throw new FathomError(
      "invalid",
      `${path} is no runtime configuration: process.args, root.path or linux.namespaces is missing`,
    );
  if (!VERSION.test(config.ociVersion))
    throw new FathomError(
      "invalid",
      `${path} is of the version ${config.ociVersion}: 1.0.0 to 1.x are known`,
    );
  const root = { ...config.root, path: resolve(bundle, config.root.path) };
  const process = { ...config.process, env: config.process.env ?? [], cwd: config.process.cwd ?? "/" };
  return { ...config, root, process, mounts: config.mounts ?? [] };
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new FathomError("not-found", `cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
}

function parse(path: string, text: string): RuntimeConfig {
  try {
    return JSON.parse(text) as RuntimeConfig;
  } catch (error) {
    throw new FathomError("invalid", `${path} is not JSON: ${messageOf(error)}`, { cause: error });
  }
}
