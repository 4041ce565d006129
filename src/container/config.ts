/** What a container runs: the request's configuration on top of the image's, merged as Docker merges them. */

import { posix } from "node:path";
import type { ContainerConfig, ContainerCreateRequest } from "../spec/docker.ts";
import type { ImageConfig, ImageRunConfig } from "../spec/oci_image.ts";
import { FathomError } from "../std/errors.ts";
import { checkHealthcheck, mergeHealthcheck } from "./health/health.ts";
import { parseSignal } from "./signals.ts";

/** A container's configuration with every field that Docker always shows. */
export type FullConfig = ContainerConfig &
  Required<
    Pick<
      ContainerConfig,
      | "Hostname"
      | "Domainname"
      | "User"
      | "AttachStdin"
      | "AttachStdout"
      | "AttachStderr"
      | "Tty"
      | "OpenStdin"
      | "StdinOnce"
      | "Env"
      | "Cmd"
      | "Image"
      | "Volumes"
      | "WorkingDir"
      | "Entrypoint"
      | "OnBuild"
      | "Labels"
    >
  >;

/**
 * Merges and checks.
 * @throws {FathomError} invalid, in Docker's words.
 */
export function mergeConfig(
  request: ContainerCreateRequest,
  image: ImageConfig,
  hostname: string,
): FullConfig {
  const base = image.config ?? {};
  const config: FullConfig = {
    Hostname: request.Hostname || hostname,
    Domainname: request.Domainname ?? "",
    User: request.User || base.User || "",
    AttachStdin: request.AttachStdin ?? false,
    AttachStdout: request.AttachStdout ?? false,
    AttachStderr: request.AttachStderr ?? false,
    ...optional("ExposedPorts", union(base.ExposedPorts, request.ExposedPorts)),
    Tty: request.Tty ?? false,
    OpenStdin: request.OpenStdin ?? false,
    StdinOnce: request.StdinOnce ?? false,
    Env: mergeEnvironment(request.Env ?? null, base.Env ?? []),
    ...mergeCommand(request, base),
    Image: request.Image ?? "",
    Volumes: union(base.Volumes, request.Volumes) ?? null,
    WorkingDir: workingDirectory(request.WorkingDir || base.WorkingDir || ""),
    ...(request.NetworkDisabled && { NetworkDisabled: true }),
    OnBuild: null,
    Labels: { ...base.Labels, ...request.Labels },
    ...optional("StopSignal", request.StopSignal || base.StopSignal),
    ...optional("StopTimeout", request.StopTimeout),
    ...optional("Shell", request.Shell),
    ...optional("Healthcheck", mergeHealthcheck(request.Healthcheck, base.Healthcheck)),
  };
  check(config);
  return config;
}

/** The program and its arguments, as inspect shows them. */
export function commandLine(config: ContainerConfig): { path: string; args: string[] } {
  const [path = "", ...args] = [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];
  return { path, args };
}

function check(config: FullConfig): void {
  checkHealthcheck(config.Healthcheck);
  if (commandLine(config).path === "" && (config.Cmd ?? []).length === 0)
    throw new FathomError("invalid", "No command specified");
  for (const variable of config.Env ?? []) {
    if (variable === "" || variable.startsWith("="))
      throw new FathomError("invalid", `invalid environment variable: ${variable}`);
  }
  if (config.StopSignal !== undefined) parseSignal(config.StopSignal);
}

/** An entry point of one's own leaves the image's command out; `[""]` asks for none. */
function mergeCommand(
  request: ContainerConfig,
  image: ImageRunConfig,
): { Cmd: string[] | null; Entrypoint: string[] | null } {
  const own = request.Entrypoint ?? [];
  const cmd = request.Cmd ?? [];
  if (own.length > 0) {
    const entrypoint = own.length === 1 && own[0] === "" ? null : own;
    return { Cmd: request.Cmd ?? null, Entrypoint: entrypoint };
  }
  const fromImage = nullIfEmpty(image.Entrypoint ?? []);
  return {
    Cmd: nullIfEmpty(cmd.length > 0 ? cmd : (image.Cmd ?? [])),
    Entrypoint: request.Entrypoint ?? fromImage,
  };
}

/** The request's variables, then those of the image that it does not set. */
function mergeEnvironment(asked: string[] | null, image: readonly string[]): string[] | null {
  const own = asked ?? [];
  const set = new Set(own.map(variableName));
  const all = [...own, ...image.filter((variable) => !set.has(variableName(variable)))];
  return nullIfEmpty(all);
}

/** `A` of `A=b`. */
export function variableName(variable: string): string {
  const equals = variable.indexOf("=");
  return equals < 0 ? variable : variable.slice(0, equals);
}

function workingDirectory(path: string): string {
  if (path === "") return "";
  if (!path.startsWith("/"))
    throw new FathomError(
      "invalid",
      `the working directory '${path}' is invalid, it needs to be an absolute path`,
    );
  return posix.normalize(path).replace(/(.)\/$/, "$1");
}

type Keys = Record<string, Record<string, never>>;

function union(a: Keys | null | undefined, b: Keys | null | undefined): Keys | undefined {
  const both = { ...a, ...b };
  return Object.keys(both).length > 0 ? both : undefined;
}

function nullIfEmpty(list: string[]): string[] | null {
  return list.length > 0 ? list : null;
}

function optional<K extends keyof ContainerConfig>(
  key: K,
  value: ContainerConfig[K] | undefined | "",
): Pick<ContainerConfig, K> | Record<string, never> {
  return value === undefined || value === "" ? {} : ({ [key]: value } as Pick<ContainerConfig, K>);
}
