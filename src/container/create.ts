/** Makes a container: checks what is asked for, prepares a snapshot, writes the record. Nothing is mounted and nothing runs. */

import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { checkLogConfig } from "../logs/mod.ts";
import type { ContainerCreateRequest, ContainerCreateResponse, HostConfig } from "../spec/docker.ts";
import type { ImageConfig } from "../spec/oci_image.ts";
import type { IdMaps } from "../spec/oci_runtime.ts";
import { ifAbsent } from "../std/absent.ts";
import { FathomError } from "../std/errors.ts";
import { settleAll } from "../std/settle.ts";
import { rfc3339, wallClock } from "../std/time.ts";
import { checkRequest } from "./check.ts";
import { mergeConfig } from "./config.ts";
import { type Container, containerOf, nameOf } from "./container.ts";
import type { Context } from "./context.ts";
import type { Host } from "./host.ts";
import { type FullHostConfig, fillHostConfig } from "./host_config.ts";
import { withId } from "./joined.ts";
import { joinedName } from "./joined_name.ts";
import { fitLimits } from "./limits/limits.ts";
import { withDefaults } from "./log_target.ts";
import { readMounts, type WantedMount } from "./mounts/notation.ts";
import type { MountRecord } from "./mounts/record.ts";
import { checkName, inventId, inventName, shortId } from "./names.ts";
import { endpointsOf } from "./network/check.ts";
import { asksForGateway, hostsFile } from "./network/files.ts";
import { readLinks } from "./network/links.ts";
import { resolvFor } from "./network/names.ts";
import { namedPorts, portWarnings } from "./network/ports.ts";
import { customProfile } from "./plan/seccomp_profile.ts";
import { readSecurityOptions } from "./plan/security.ts";
import { type ContainerRecord, FRESH_STATE, syncDirectory, writeFirst, writeJson } from "./records.ts";
import { writableSize } from "./storage_opt.ts";
import { tell } from "./tell.ts";
import { giveToRoot, idMapsFor } from "./user_namespace.ts";

export interface CreateOptions {
  name?: string;
  /** `linux`, `linux/amd64`. */
  platform?: string;
}

/**
 * Makes it, or leaves nothing.
 * @throws {FathomError} not-found for the image, conflict for the name, invalid or unsupported for what is asked.
 */
export async function createContainer(
  context: Context,
  request: ContainerCreateRequest,
  options: CreateOptions,
): Promise<ContainerCreateResponse> {
  if (!request.Image) throw new FathomError("invalid", "No image specified: name one in the field Image");
  const image = await context.options.images.resolve(request.Image);
  checkPlatform(image.config, options.platform);
  const id = inventId();
  const { host, wanted, discarded } = await readHostConfig(context, request);
  const onNetworks = { ...endpointsOf(context, request, host), ...readLinks(context, host) };
  const idMaps = idMapsFor(context.options.idMaps, host);
  const Config = mergeConfig(request, image.config, defaultHostname(context, host, id));
  const record: ContainerRecord = {
    config: {
      Id: id,
      Name: takeName(context, id, options.name),
      Created: rfc3339(wallClock()),
      Image: image.id,
      Config,
      ...onNetworks,
      MountPoints: wanted.map(({ record }) => record),
      ...(idMaps && { IdMaps: idMaps }),
    },
    host,
    state: { ...FRESH_STATE },
  };
  await make(context, containerOf(context.options, record), wanted);
  const exposed = await context.options.networks.exposureWarnings(namedPorts(Config, host));
  return {
    Id: id,
    Warnings: [...discarded, ...portWarnings(host), ...exposed, ...warnings(host, context.host)],
  };
}

async function make(context: Context, container: Container, wanted: readonly WantedMount[]): Promise<void> {
  const { images } = context.options;
  const { record, paths } = container;
  const { id, name } = nameOf(container);
  await using undo = new AsyncDisposableStack();
  undo.defer(() => context.registry.release(name));
  undo.defer(() => rm(paths.directory, { recursive: true, force: true }));
  await mkdir(paths.directory, { mode: 0o700 });
  undo.defer(() => images.remove(id));
  undo.defer(() => rm(container.bundle, { recursive: true, force: true }));
  const disposable = record.host.AutoRemove;
  const sync = !disposable;
  await settleAll([
    images.prepare(id, record.config.Image, {
      disposable,
      size: writableSize(record.host),
      idMaps: record.config.IdMaps,
    }),
    writeFiles(context, container),
    writeFirst(paths.hostConfig, record.host, { sync }),
    writeFirst(paths.state, record.state, { sync }),
    // Made here, so that the start need not.
    mkdir(container.bundle, { recursive: true, mode: 0o700 }),
    ...wanted.map(({ record: mount }) => checkSource(mount, record.config.IdMaps)),
  ]);
  const { attachMounts, keepAnonymous } = needsAttaching(container) ? await import("./mounts/attach.ts") : {};
  await attachMounts?.(context, container, { wanted, undo });
  // The last of all: what has none was never told to anybody.
  await writeJson(paths.config, record.config, { sync });
  if (sync) await syncDirectory(paths.directory);
  undo.move();
  await keepAnonymous?.(container);
  context.registry.add(container);
  tell(context, container, { action: "create" });
}

async function writeFiles(context: Context, { record, paths }: Container): Promise<void> {
  const { config, host } = record;
  if (joinedName(host.NetworkMode) !== undefined) return;
  const [hosts, resolv, gateway] = await Promise.all([
    host.NetworkMode === "host" ? readHostFile("/etc/hosts") : "",
    resolvFor(context, record),
    asksForGateway(host) ? context.options.networks.hostGateway() : undefined,
  ]);
  // Programs that are not root read these.
  const options = { mode: 0o644 };
  await settleAll([
    writeFile(paths.hostname, `${config.Config.Hostname}\n`, options),
    writeFile(paths.hosts, hostsFile(host, { ofHost: hosts, gateway }), options),
    writeFile(paths.resolv, resolv, options),
  ]);
  await giveToRoot(config.IdMaps, [paths.hostname, paths.hosts, paths.resolv]);
}

/** A host without the file has nothing to say in it. */
function readHostFile(path: string): Promise<string> {
  return readFile(path, "utf8").catch(ifAbsent(""));
}

/** Whether it has more than binds and tmpfs, which need nothing made. */
function needsAttaching({ record: { config, host } }: Container): boolean {
  const others = config.MountPoints.some(({ Type }) => Type === "volume" || Type === "image");
  const declared = Object.keys(config.Config.Volumes ?? {}).length > 0;
  return others || declared || (host.VolumesFrom ?? []).length > 0;
}

/** `-v` makes a directory of the host that is missing, `--mount` refuses it: as in Docker. */
async function checkSource(
  { Type, Source, Details }: MountRecord,
  idMaps: IdMaps | undefined,
): Promise<void> {
  if (Type !== "bind") return;
  if (Details?.createSource) return (await import("./mounts/sources.ts")).makeSource(Source, idMaps);
  await stat(Source).catch((cause) => {
    throw new FathomError(
      "invalid",
      `invalid mount config for type "bind": bind source path does not exist: ${Source}`,
      { cause },
    );
  });
}

async function readHostConfig(
  context: Context,
  request: ContainerCreateRequest,
): Promise<{ host: FullHostConfig; wanted: WantedMount[]; discarded: string[] }> {
  const { defaults, defaultLog, defaultRuntime, runtimes } = context.options;
  const asked: HostConfig = request.HostConfig ?? {};
  const host = fillHostConfig(asked, context.host, { ...defaults, runtime: defaultRuntime });
  host.LogConfig = withDefaults(asked.LogConfig, defaultLog);
  checkRequest(request, host, context.host);
  const discarded = fitLimits(host, context.host);
  await checkLogConfig(host.LogConfig);
  if (runtimes[host.Runtime] === undefined)
    throw new FathomError("invalid", `unknown or invalid runtime name: ${host.Runtime}`);
  const { seccomp } = readSecurityOptions(host.SecurityOpt ?? []);
  if (seccomp !== "default" && seccomp !== "unconfined")
    customProfile(seccomp, { capabilities: [], architecture: context.host.architecture });
  host.NetworkMode = withId(context, host.NetworkMode);
  host.PidMode = withId(context, host.PidMode);
  host.IpcMode = withId(context, host.IpcMode);
  return { host, wanted: readMounts(host), discarded };
}

/** The host's on the host's network, that of the container whose network it shares, else its own ID. */
function defaultHostname(context: Context, host: FullHostConfig, id: string): string {
  if (host.NetworkMode === "host") return context.host.hostname;
  const joined = joinedName(host.NetworkMode);
  return joined === undefined ? shortId(id) : context.registry.find(joined).record.config.Config.Hostname;
}

function takeName(context: Context, id: string, wanted: string | undefined): string {
  const name = wanted ? checkName(wanted) : inventName(context.registry.isTaken);
  context.registry.reserve(name, id);
  return name;
}

function checkPlatform(image: ImageConfig, wanted: string | undefined): void {
  if (!wanted) return;
  const [os, architecture = image.architecture] = wanted.toLowerCase().split("/");
  if (os === image.os && architecture === image.architecture) return;
  throw new FathomError(
    "not-found",
    `image with platform ${wanted} was found but does not match: it is of ${image.os}/${image.architecture}; pull the image with --platform ${wanted}`,
  );
}

/** What a user should know who gets less than was asked for. */
function warnings(host: FullHostConfig, { modules }: Host): string[] {
  const { apparmor } = readSecurityOptions(host.SecurityOpt ?? []);
  if (apparmor === undefined || apparmor === "unconfined" || modules.apparmor) return [];
  return [`The kernel has no AppArmor in force: the profile ${apparmor} does not confine the container.`];
}
