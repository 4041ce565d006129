import { describe, expect, test } from "bun:test";
import type { MountRequest } from "../../spec/docker.ts";
import { declaredVolume, readMounts, readVolumesFrom } from "./notation.ts";

const bind = (text: string, VolumeDriver = "") => readMounts({ Binds: [text], VolumeDriver })[0];
const mount = (request: Partial<MountRequest>) =>
  readMounts({ Mounts: [{ Type: "bind", Source: "/a", Target: "/b", ...request }] })[0];

describe("-v", () => {
  test("with a path is a bind", () => {
    expect(bind("/a/../b/:/c//d/:ro,Z,rslave")).toEqual({
      record: {
        Type: "bind",
        Source: "/b",
        Destination: "/c/d",
        Mode: "ro,Z,rslave",
        RW: false,
        Propagation: "rslave",
        Details: { createSource: true },
      },
    });
    expect(bind("/a:/b")?.record).toMatchObject({ Mode: "", RW: true, Propagation: "rprivate" });
  });

  test("with a name is a volume, which gets the image's files unless told not to", () => {
    expect(bind("db:/data")).toEqual({
      record: {
        Type: "volume",
        Name: "db",
        Source: "",
        Destination: "/data",
        Mode: "z",
        RW: true,
        Propagation: "",
      },
      volume: { request: { Name: "db", Driver: "" }, copy: true },
    });
    expect(bind("db:/data:ro,nocopy", "local")).toMatchObject({
      record: { Mode: "ro,nocopy", RW: false },
      volume: { request: { Driver: "local" }, copy: false },
    });
  });

  test.each([
    ["/a:/b:ro,rw", "invalid mode: ro,rw"],
    ["/a:/b:shared,slave", "invalid mode: shared,slave"],
    ["/a:/b:ro:x", "invalid volume specification: '/a:/b:ro:x'"],
    ["/a", "invalid volume specification: '/a'"],
    [
      "db:rel",
      `invalid mount config for type "volume": invalid mount path: 'rel' mount path must be absolute`,
    ],
    ["/a:/", `invalid mount config for type "bind": invalid specification: destination can't be '/'`],
    ["/a:/b:nocopy", "field VolumeOptions must not be specified"],
    ["db:/b:rslave", "field BindOptions must not be specified"],
  ])("%s is refused", (text, sentence) => {
    expect(() => bind(text)).toThrow(sentence);
  });

  test("of two things at one place is refused, whatever their notation", () => {
    expect(() => readMounts({ Binds: ["/a:/b", "db:/b/"] })).toThrow("Duplicate mount point: /b");
    expect(() => readMounts({ Binds: ["/a:/b"], Tmpfs: { "/b": "" } })).toThrow("Duplicate mount point: /b");
  });
});

describe("--mount", () => {
  test("of a bind does not make its source unless told to", () => {
    expect(mount({ ReadOnly: true })?.record).toMatchObject({ RW: false, Mode: "" });
    expect(mount({})?.record.Details).toBeUndefined();
    const BindOptions = { CreateMountpoint: true, NonRecursive: true, ReadOnlyNonRecursive: true };
    expect(mount({ BindOptions })?.record.Details).toEqual({
      createSource: true,
      nonRecursive: true,
      shallowReadOnly: true,
    });
  });

  test("of a volume may name it, or not, and say how it is made", () => {
    const VolumeOptions = {
      NoCopy: true,
      Labels: { a: "b" },
      DriverConfig: { Name: "local", Options: { type: "tmpfs" } },
    };
    expect(mount({ Type: "volume", Source: "db", VolumeOptions })?.volume).toEqual({
      request: { Name: "db", Driver: "local", DriverOpts: { type: "tmpfs" }, Labels: { a: "b" } },
      copy: false,
    });
    expect(mount({ Type: "volume", Source: "" })?.record.Details).toEqual({ anonymous: true });
    const part = mount({ Type: "volume", Source: "db", VolumeOptions: { Subpath: "x/y" } });
    expect(part).toMatchObject({ record: { Details: { subpath: "x/y" } }, volume: { copy: false } });
  });

  test("of an image is read-only", () => {
    expect(mount({ Type: "image", Source: "busybox", ImageOptions: { Subpath: "bin" } })?.record).toEqual({
      Type: "image",
      Name: "busybox",
      Source: "",
      Destination: "/b",
      Mode: "",
      RW: false,
      Propagation: "",
      Details: { subpath: "bin" },
    });
  });

  test.each<[Partial<MountRequest>, string]>([
    [{ Source: "rel" }, `invalid mount config for type "bind"`],
    [{ BindOptions: { Propagation: "odd" } }, "invalid propagation mode: odd"],
    [{ BindOptions: { ReadOnlyNonRecursive: true, ReadOnlyForceRecursive: true } }, "mount options conflict"],
    [{ VolumeOptions: {} }, "field VolumeOptions must not be specified"],
    [{ Type: "tmpfs" }, "field Source must not be specified"],
    [{ Type: "tmpfs", Source: "", TmpfsOptions: { Options: [["odd"]] } }, 'Invalid tmpfs option ["odd"]'],
    [
      { Type: "volume", Source: "", ReadOnly: true },
      "must not set ReadOnly mode when using anonymous volumes",
    ],
    [
      { Type: "volume", Source: "", VolumeOptions: { Subpath: "x" } },
      "must not set Subpath when using anonymous volumes",
    ],
    [
      { Type: "volume", Source: "db", VolumeOptions: { Subpath: "x/../../y" } },
      "subpath must be a relative path within the volume",
    ],
    [{ Type: "volume", Source: "db", VolumeOptions: { Subpath: "/x" } }, "subpath must be a relative path"],
    [{ Type: "image", Source: "" }, "field Source must not be empty"],
    [{ Type: "cluster", Source: "x" }, "cluster volumes need a swarm"],
  ])("%j is refused", (request, sentence) => {
    expect(() => mount(request)).toThrow(sentence);
  });
});

test("--volumes-from may be read-only, and nothing else", () => {
  expect(readVolumesFrom("c1")).toEqual({ container: "c1", writable: true });
  expect(readVolumesFrom("c1:ro,z")).toEqual({ container: "c1", writable: false });
  expect(() => readVolumesFrom("c1:rslave")).toThrow("invalid mode: rslave");
  expect(() => readVolumesFrom("c1:nocopy")).toThrow("invalid mode: nocopy");
  expect(() => readVolumesFrom("")).toThrow("volumes-from specification cannot be an empty string");
});

test("a declared volume is anonymous, at an absolute path", () => {
  expect(declaredVolume("/data/", "").record).toMatchObject({ Destination: "/data", Mode: "", Name: "" });
  expect(() => declaredVolume("data", "")).toThrow("mount path must be absolute");
});
