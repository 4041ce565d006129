import { describe, expect, test } from "bun:test";
import type { ContainerCreateRequest } from "../spec/docker.ts";
import { legacyCreate } from "./legacy_create.ts";

const REQUEST: ContainerCreateRequest = {
  Image: "a",
  Healthcheck: { Test: ["CMD", "true"], StartInterval: 5 },
  HostConfig: {
    Annotations: { a: "b" },
    Mounts: [
      {
        Type: "bind",
        Source: "/a",
        Target: "/a",
        BindOptions: { NonRecursive: true, CreateMountpoint: true, ReadOnlyForceRecursive: true },
      },
      { Type: "volume", Source: "v", Target: "/v", VolumeOptions: { NoCopy: true, Subpath: "s" } },
      { Type: "tmpfs", Target: "/t", TmpfsOptions: { SizeBytes: 1, Options: [["noexec"]] } },
    ],
  },
};

describe("a request to create a container", () => {
  const read = (version: string) => legacyCreate(REQUEST, version);
  const mounts = (version: string) => read(version).HostConfig?.Mounts ?? [];

  test("is read whole from clients that know all of it", () => {
    expect(read("1.48")).toBe(REQUEST);
    expect(read("1.47")).toEqual(REQUEST);
  });

  test("has no field that the client's version did not have", () => {
    expect(mounts("1.45")[2]).toEqual({ Type: "tmpfs", Target: "/t", TmpfsOptions: { SizeBytes: 1 } });
    expect(mounts("1.44")[1]).toMatchObject({ VolumeOptions: { NoCopy: true } });
    expect(mounts("1.44")[1]).not.toHaveProperty("VolumeOptions.Subpath");
    expect(read("1.44").Healthcheck).toEqual({ Test: ["CMD", "true"], StartInterval: 5 });
    expect(read("1.43").Healthcheck).toEqual({ Test: ["CMD", "true"] });
    expect(mounts("1.43")[0]?.BindOptions).toEqual({ NonRecursive: true, CreateMountpoint: true });
    expect(mounts("1.41")[0]?.BindOptions).toEqual({ NonRecursive: true });
    expect(mounts("1.39")[0]?.BindOptions).toEqual({});
    expect(read("1.43").HostConfig?.Annotations).toEqual({ a: "b" });
    expect(read("1.42").HostConfig).not.toHaveProperty("Annotations");
  });

  test("shares its memory unless it says otherwise, before 1.40", () => {
    expect(legacyCreate({ Image: "a" }, "1.39").HostConfig).toEqual({ IpcMode: "shareable" });
    expect(legacyCreate({ HostConfig: { IpcMode: "private" } }, "1.39").HostConfig?.IpcMode).toBe("private");
    expect(legacyCreate({ Image: "a" }, "1.40")).toEqual({ Image: "a" });
  });

  test("is refused for an image as a mount before 1.48, for more than one network before 1.44", () => {
    const Mounts = [{ Type: "image" as const, Source: "a", Target: "/a" }];
    expect(() => legacyCreate({ HostConfig: { Mounts } }, "1.47")).toThrow(/needs API v1.48/);
    const NetworkingConfig = { EndpointsConfig: { one: {}, two: {} } };
    expect(() => legacyCreate({ NetworkingConfig }, "1.43")).toThrow(/one, two/);
    expect(legacyCreate({ NetworkingConfig }, "1.44")).toMatchObject({ NetworkingConfig });
  });
});
