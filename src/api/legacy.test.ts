import { describe, expect, test } from "bun:test";
import type { ImageInspect, ImageSummary, SystemInfo } from "../spec/docker.ts";
import { legacyImage, legacyImageSummary, legacyInfo } from "./legacy.ts";

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
  expect(legacyInfo(info, NEWEST)).toBe(info);
});
