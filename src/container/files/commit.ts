/** `docker commit`: an image of what a container has written, on top of its own. */

import type { ContainerConfig } from "../../spec/docker.ts";
import type { Digest, ImageRunConfig } from "../../spec/oci_image.ts";
import { FathomError } from "../../std/errors.ts";
import { mergeConfig } from "../config.ts";
import { type Container, nameOf } from "../container.ts";
import type { Context } from "../context.ts";
import { pauseContainer, unpauseContainer } from "../pause.ts";
import { tell } from "../tell.ts";

export interface CommitOptions {
  /** `name[:tag]`; none leaves the image without a name. */
  reference?: string;
  author: string;
  comment: string;
  /** A container that runs stands still while its files are read. */
  pause: boolean;
  /** Dockerfile instructions to apply to the configuration. */
  changes: readonly string[];
  /** What takes precedence over the container's own configuration. */
  config: ContainerConfig;
}

/**
 * Makes the image and gives its ID.
 * @throws {FathomError} conflict, while the container is being removed; invalid, for the reference or a change; not-found, when its
 * image has gone.
 */
export async function commitContainer(
  context: Context,
  container: Container,
  options: CommitOptions,
): Promise<Digest> {
  const { files } = context.options;
  const { config: record } = container.record;
  refuseRemoved(container);
  const { reference, author, comment } = options;
  const config = imageConfig(context, container, options);
  await using pause = new AsyncDisposableStack();
  if (options.pause && container.record.state.Status === "running") {
    await container.exclusive(() => pauseContainer(context, container, "commit"));
    pause.defer(() => container.exclusive(() => resume(context, container)));
  }
  const id = await files.commit({
    container: record.Id,
    image: record.Image,
    config,
    ...(reference !== undefined && { reference }),
    author,
    comment,
    createdBy: (record.Config.Cmd ?? []).join(" "),
    whenRead: () => pause.disposeAsync(),
  });
  const attributes = { comment, imageID: id, imageRef: reference ?? "" };
  tell(context, container, { action: "commit", attributes });
  return id;
}

function refuseRemoved(container: Container): void {
  const { Status: status } = container.record.state;
  const { id } = nameOf(container);
  if (status === "dead") throw new FathomError("conflict", `You cannot commit container ${id} which is Dead`);
  if (status === "removing")
    throw new FathomError("conflict", `You cannot commit container ${id} which is being removed`);
}

/** A stop or a kill may have let it go on, or ended it. */
async function resume(context: Context, container: Container): Promise<void> {
  if (container.record.state.Status === "paused") await unpauseContainer(context, container);
}

/** The changes, on top of what the request says, on top of what the container has. */
function imageConfig(
  { options: { files } }: Context,
  { record: { config } }: Container,
  { changes, config: wanted }: CommitOptions,
): ImageRunConfig {
  const changed = files.applyChanges(runConfig(wanted), changes);
  const base = { architecture: "", os: "", rootfs: { type: "layers" as const, diff_ids: [] } };
  const image = { ...base, config: runConfig(config.Config) };
  const merged = mergeConfig(changed, image, config.Config.Hostname);
  const OnBuild = changed.OnBuild ?? config.Config.OnBuild;
  const Shell = changed.Shell ?? config.Config.Shell;
  const Healthcheck = changed.Healthcheck ?? config.Config.Healthcheck;
  return {
    ...runConfig(merged),
    ...(OnBuild && { OnBuild }),
    ...(Shell && { Shell }),
    ...(Healthcheck && { Healthcheck }),
  };
}

/** What of a container's configuration is an image's too. */
function runConfig(config: ContainerConfig): ImageRunConfig {
  const { User, ExposedPorts, Env, Entrypoint, Cmd, Volumes, WorkingDir, Labels, StopSignal } = config;
  const { Healthcheck, OnBuild, Shell } = config;
  return {
    ...(User && { User }),
    ...(ExposedPorts && { ExposedPorts }),
    ...(Env && { Env }),
    ...(Entrypoint && { Entrypoint }),
    ...(Cmd && { Cmd }),
    ...(Volumes && { Volumes }),
    ...(WorkingDir && { WorkingDir }),
    ...(Labels && { Labels }),
    ...(StopSignal && { StopSignal }),
    ...(Healthcheck && { Healthcheck }),
    ...(OnBuild && { OnBuild }),
    ...(Shell && { Shell }),
  };
}
