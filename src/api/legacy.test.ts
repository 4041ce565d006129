import { describe, expect, test } from "bun:test";
import type {
  ContainerInspect,
  ContainerSummary,
  ImageInspect,
  ImageSummary,
  SystemInfo,
} from "../spec/docker.ts";
import {
  legacyContainer,
  legacyContainerSummary,
  legacyImage,
  legacyImageSummary,
  legacyInfo,
} from "./legacy.ts";

const NEWEST = "1.51";

describe("an image in a list", () => {
  const image = { RepoTags: ["a:1"], RepoDigests: [], Size: 5 } as unknown as ImageSummary;
  const nameless = { ...image, RepoTags: [] };

  test("has its virtual size for clients before 1.44", () => {
    expect(legacyImageSummary(image, "1.43")).toEqual({ ...image, VirtualSize: 5 });
    expect(legacyImageSummary(image, "1.44")).toEqual(image);
  });

  test("without a name is called <none> for clients before 1.43", () => {
    expect(legacyImageSummary(nameless, "1.42")).toMatchObject({
      RepoTags: ["<none>:<none>"],
      RepoDigests: ["<none>@<none>"],
    });
    expect(legacyImageSummary(nameless, "1.43")).toMatchObject({ RepoTags: [], RepoDigests: [] });
  });
});

describe("an inspected image", () => {
  const image = { Size: 5, Config: { Cmd: ["sh"], User: "u" } } as unknown as ImageInspect;

  test("has all fields of a container's configuration for clients before 1.50, its own unchanged", () => {
    expect(legacyImage(image, "1.49")).toMatchObject({
      Config: { Hostname: "", Domainname: "", AttachStdin: false, Tty: false, Cmd: ["sh"], User: "u" },
    });
    expect(legacyImage(image, "1.50")).toEqual(image);
  });

  test("has its virtual size and a time for clients before 1.44, and whence it came before 1.45", () => {
    expect(legacyImage(image, "1.24")).toMatchObject({
      VirtualSize: 5,
      Created: "0001-01-01T00:00:00Z",
      Container: "",
      ContainerConfig: { Env: null, Tty: false },
    });
    expect(legacyImage({ ...image, Created: "2020" }, "1.44")).toMatchObject({
      Created: "2020",
      Container: "",
    });
    expect(legacyImage(image, "1.45")).not.toHaveProperty("Container");
  });
});

test("security options are bare names for clients before 1.25", () => {
  const info = { SecurityOptions: ["name=seccomp,profile=builtin", "name=cgroupns"] } as SystemInfo;
  expect(legacyInfo(info, "1.24")).toMatchObject({ SecurityOptions: ["seccomp", "cgroupns"] });
  expect(legacyInfo(info, NEWEST)).toEqual(info);
});

test("info tells of kernel memory before 1.42, of bridged packets before 1.50, of devices' files from 1.44 on", () => {
  const info = { SecurityOptions: [] as string[], CDISpecDirs: [] as string[] } as SystemInfo;
  expect(legacyInfo(info, "1.43")).not.toHaveProperty("CDISpecDirs");
  expect(legacyInfo(info, "1.41")).toMatchObject({ KernelMemory: false, BridgeNfIptables: false });
  expect(legacyInfo(info, "1.42")).not.toHaveProperty("KernelMemory");
  expect(legacyInfo(info, "1.50")).toEqual(info);
});

describe("a container", () => {
  const Networks = { bridge: { GwPriority: 0, DNSNames: null, MacAddress: "02:42:ac:11:00:02" } };
  const HostConfig = { NetworkMode: "bridge", Annotations: { a: "b" } };
  const container = {
    HostConfig,
    Config: { MacAddress: "02:42:ac:11:00:02", Tty: true },
    NetworkSettings: { Bridge: "", Networks },
  } as unknown as ContainerInspect;
  const row = { HostConfig, NetworkSettings: { Networks } } as unknown as ContainerSummary;

  test("has limits of kernel memory before 1.42, and its own address before 1.44", () => {
    expect(legacyContainer(container, "1.41")).toEqual({
      HostConfig: { ...HostConfig, KernelMemory: 0, KernelMemoryTCP: 0 },
      Config: { MacAddress: "02:42:ac:11:00:02", Tty: true },
      NetworkSettings: { Bridge: "", Networks: { bridge: { MacAddress: "02:42:ac:11:00:02" } } },
    });
    expect(legacyContainer(container, "1.43")).toMatchObject({ HostConfig, Config: container.Config });
    expect(legacyContainer(container, "1.44")).toMatchObject({ Config: { Tty: true } });
    expect(legacyContainer(container, NEWEST)).toEqual({ ...container, Config: { Tty: true } });
  });

  test("has its short ID among its aliases until 1.44, where names are found", () => {
    const front = { Aliases: ["web"], DNSNames: ["c", "web"] };
    const container = {
      Id: "0123456789abcdef",
      Config: {},
      HostConfig: {},
      NetworkSettings: { Networks: { front } },
    };
    const shown = (version: string) =>
      (legacyContainer(container as unknown as ContainerInspect, version) as typeof container).NetworkSettings
        .Networks;
    expect(shown("1.44").front.Aliases).toEqual(["web", "0123456789ab"]);
    expect(shown("1.45").front.Aliases).toEqual(["web"]);
  });

  test("has its names on a network from 1.44 on, a priority of its gateway from 1.48 on", () => {
    const { MacAddress } = Networks.bridge;
    const shown = (version: string) => legacyContainerSummary(row, version) as ContainerSummary;
    expect(shown("1.43").NetworkSettings.Networks).toEqual({ bridge: { MacAddress } } as never);
    expect(shown("1.47").NetworkSettings.Networks).toEqual({
      bridge: { MacAddress, DNSNames: null },
    } as never);
    expect(shown("1.48")).toEqual(row);
  });

  test("has annotations in a list from 1.46 on", () => {
    expect(legacyContainerSummary(row, "1.45")).toMatchObject({ HostConfig: { NetworkMode: "bridge" } });
    expect(legacyContainerSummary(row, "1.45")).not.toHaveProperty("HostConfig.Annotations");
    expect(legacyContainerSummary(row, "1.46")).toMatchObject({ HostConfig });
  });
});
