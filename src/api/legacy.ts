/** What answers had in earlier versions of the API, for clients that speak those. Source: the history of the Docker Engine API. */

import type { ImageInspect, ImageSummary, SystemInfo } from "../spec/docker.ts";
import { olderThan } from "./version.ts";

const NO_TIME = "0001-01-01T00:00:00Z";

/** A row of the images as a client of `version` knows it. */
export function legacyImageSummary(image: ImageSummary, version: string): object {
  const nameless = image.RepoTags.length + image.RepoDigests.length === 0;
  return {
    ...image,
    ...(olderThan(version, "1.44") && { VirtualSize: image.Size }),
    ...(nameless &&
      olderThan(version, "1.43") && { RepoTags: ["<none>:<none>"], RepoDigests: ["<none>@<none>"] }),
  };
}

/** Fields of a container's configuration that an image has no say in. */
const NOT_OF_IMAGES = {
  Hostname: "",
  Domainname: "",
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  Image: "",
};

const EMPTY_CONFIG = {
  ...NOT_OF_IMAGES,
  User: "",
  Env: null,
  Cmd: null,
  Volumes: null,
  WorkingDir: "",
  Entrypoint: null,
  OnBuild: null,
  Labels: null,
};

/** An image as a client of `version` knows it. */
export function legacyImage(image: ImageInspect, version: string): object {
  return {
    ...image,
    ...(olderThan(version, "1.44") && { VirtualSize: image.Size, Created: image.Created ?? NO_TIME }),
    ...(olderThan(version, "1.45") && { Container: "", ContainerConfig: EMPTY_CONFIG }),
    ...(olderThan(version, "1.50") && { Config: { ...NOT_OF_IMAGES, ...image.Config } }),
  };
}

/** The engine as a client of `version` knows it: security options were bare names. */
export function legacyInfo(info: SystemInfo, version: string): object {
  if (!olderThan(version, "1.25")) return info;
  const names = info.SecurityOptions.map((option) => /^name=([^,]*)/.exec(option)?.[1] ?? option);
  return { ...info, SecurityOptions: names, ExecutionDriver: "<not supported>" };
}
