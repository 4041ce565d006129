/** What answers had in earlier versions of the API, for clients that speak those. Source: the history of the Docker Engine API. */

import type {
  ContainerInspect,
  ContainerSummary,
  ImageInspect,
  ImageSummary,
  SystemInfo,
} from "../spec/docker.ts";
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
export function legacyImage(inspect: ImageInspect, version: string): object {
  const { Container = "", ContainerConfig = EMPTY_CONFIG, ...image } = inspect;
  return {
    ...image,
    ...(olderThan(version, "1.44") && { VirtualSize: image.Size, Created: image.Created ?? NO_TIME }),
    ...(olderThan(version, "1.45") && {
      Container,
      ContainerConfig: { ...NOT_OF_IMAGES, ...ContainerConfig },
    }),
    ...(olderThan(version, "1.50") && { Config: { ...NOT_OF_IMAGES, ...image.Config } }),
  };
}

/** A container as a client of `version` knows it. */
export function legacyContainer(container: ContainerInspect, version: string): object {
  const { NetworkSettings, HostConfig, Config } = container;
  const { MacAddress, ...config } = Config;
  return {
    ...container,
    HostConfig: { ...HostConfig, ...(olderThan(version, "1.42") && { KernelMemory: 0, KernelMemoryTCP: 0 }) },
    // Since then it stands with the network.
    Config: { ...config, ...(MacAddress !== undefined && olderThan(version, "1.44") && { MacAddress }) },
    NetworkSettings: { ...NetworkSettings, Networks: legacyNetworks(container, version) },
  };
}

/** A row of the containers as a client of `version` knows it. */
export function legacyContainerSummary(row: ContainerSummary, version: string): object {
  const { NetworkMode } = row.HostConfig;
  return {
    ...row,
    ...(olderThan(version, "1.46") && { HostConfig: { NetworkMode } }),
    NetworkSettings: { Networks: legacyNetworks(row, version) },
  };
}

type OnNetworks = Pick<ContainerSummary, "Id" | "NetworkSettings">;

function legacyNetworks({ Id, NetworkSettings }: OnNetworks, version: string): Record<string, object> {
  if (!olderThan(version, "1.48")) return NetworkSettings.Networks;
  return Object.fromEntries(
    Object.entries(NetworkSettings.Networks).map(([name, { GwPriority: _, DNSNames, ...endpoint }]) => [
      name,
      {
        ...endpoint,
        // Where names are found, its short ID was one of its aliases.
        ...(DNSNames !== null &&
          olderThan(version, "1.45") && {
            Aliases: [...new Set([...(endpoint.Aliases ?? []), Id.slice(0, SHORT)])],
          }),
        ...(!olderThan(version, "1.44") && { DNSNames }),
      },
    ]),
  );
}

/** Digits of a short ID. */
const SHORT = 12;

/** Since which version info tells of something. */
const INFO_SINCE: Readonly<Record<string, string>> = { CDISpecDirs: "1.44", FirewallBackend: "1.49" };

/** Of kernel memory there are no limits any more, and bridged packets do not pass iptables. */
const NO_KERNEL_MEMORY = { KernelMemory: false, KernelMemoryTCP: false };
const NO_BRIDGE_FILTER = { BridgeNfIptables: false, BridgeNfIp6tables: false };

/** The engine as a client of `version` knows it: once, security options were bare names. */
export function legacyInfo(info: SystemInfo, version: string): object {
  const names = info.SecurityOptions.map((option) => /^name=([^,]*)/.exec(option)?.[1] ?? option);
  const known = Object.entries(info).filter(([key]) => !olderThan(version, INFO_SINCE[key] ?? "0"));
  return {
    ...Object.fromEntries(known),
    ...(olderThan(version, "1.49") && {
      RegistryConfig: {
        AllowNondistributableArtifactsCIDRs: [],
        AllowNondistributableArtifactsHostnames: [],
        ...info.RegistryConfig,
      },
    }),
    ...(olderThan(version, "1.50") && NO_BRIDGE_FILTER),
    ...(olderThan(version, "1.42") && NO_KERNEL_MEMORY),
    ...(olderThan(version, "1.25") && { SecurityOptions: names, ExecutionDriver: "<not supported>" }),
  };
}
