/** Creates a container, pulling its image where that is missing. */

import type { ContainerCreateRequest, ContainerCreateResponse } from "../../spec/docker.ts";
import type { Context } from "../command.ts";
import { CommandError, DaemonError } from "../errors.ts";
import { printError } from "../output.ts";
import { splitTag } from "../reference.ts";

export interface CreateOptions {
  name: string | undefined;
  platform: string | undefined;
  pull: string | undefined;
  quiet: boolean;
  cidfile: string | undefined;
}

/** Gives the ID. Throws DaemonError, CommandError. */
export async function createContainer(
  context: Context,
  request: ContainerCreateRequest,
  options: CreateOptions,
): Promise<string> {
  const { cidfile } = options;
  if (cidfile && (await Bun.file(cidfile).exists())) {
    throw new CommandError(
      `container ID file found, make sure the other container isn't running or delete ${cidfile}`,
      125,
    );
  }
  const { Id, Warnings } = await createOrPull(context, request, options);
  for (const warning of Warnings ?? []) printError(`WARNING: ${warning}\n`);
  if (cidfile) await Bun.write(cidfile, Id);
  return Id;
}

async function createOrPull(context: Context, request: ContainerCreateRequest, options: CreateOptions) {
  const { name, platform } = options;
  const create = () =>
    context.client.json<ContainerCreateResponse>("POST", "/containers/create", {
      query: { name, platform },
      json: request,
    });
  if (options.pull === "always") await pull(context, request.Image ?? "", options);
  try {
    return await create();
  } catch (error) {
    if (!isMissingImage(error) || (options.pull ?? "missing") !== "missing") throw error;
    if (!options.quiet) printError(`Unable to find image '${withTag(request.Image ?? "")}' locally\n`);
    await pull(context, request.Image ?? "", options);
    return await create();
  }
}

function isMissingImage(error: unknown): boolean {
  return error instanceof DaemonError && error.status === 404 && /no such image/i.test(error.reason);
}

async function pull(context: Context, image: string, options: CreateOptions): Promise<void> {
  const { pullImage } = await import("../pull.ts");
  await pullImage(context, image, options);
}

function withTag(image: string): string {
  return image.includes("@") || splitTag(image).tag !== "" ? image : `${image}:latest`;
}
