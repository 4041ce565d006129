import { describe, expect, test } from "bun:test";
import { readMounts, tmpfsMount, tmpfsOptionsOf } from "./mount_points.ts";

describe("a bind", () => {
  const bind = (text: string) => readMounts({ Binds: [text] }).binds[0];

  test("is read from Docker's notation", () => {
    expect(bind("/a/../b/:/c//d/:ro,Z,rslave")).toEqual({
      point: {
        Type: "bind",
        Source: "/b",
        Destination: "/c/d",
        Mode: "ro,Z,rslave",
        RW: false,
        Propagation: "rslave",
      },
      createSource: true,
    });
    expect(bind("/a:/b")?.point).toMatchObject({ Mode: "", RW: true, Propagation: "rprivate" });
  });

  test("with a contradiction is refused", () => {
    expect(() => bind("/a:/b:ro,rw")).toThrow("invalid mode: ro,rw");
    expect(() => bind("/a:/b:shared,slave")).toThrow("invalid mode: shared,slave");
    expect(() => bind("/a:/b:ro:x")).toThrow("invalid volume specification: '/a:/b:ro:x'");
    expect(() => bind("/a")).toThrow("invalid volume specification: '/a'");
  });

  test("by --mount does not make its source unless told to", () => {
    const mount = { Type: "bind", Source: "/a", Target: "/b", ReadOnly: true } as const;
    const read = (more: object) => readMounts({ Mounts: [{ ...mount, ...more }] }).binds[0];
    expect(read({})).toMatchObject({ createSource: false, point: { RW: false, Mode: "" } });
    expect(read({ BindOptions: { CreateMountpoint: true } })?.createSource).toBe(true);
    expect(() => read({ BindOptions: { Propagation: "odd" } })).toThrow("invalid propagation mode: odd");
    expect(() => read({ Source: "rel" })).toThrow('invalid mount config for type "bind"');
    expect(() => read({ Type: "image" })).toThrow("mounts of type image are not supported");
  });
});

describe("a tmpfs", () => {
  test("has Docker's safe flags but for those taken back", () => {
    expect(tmpfsMount("/run/", "size=10m,exec").options).toEqual([
      "nosuid",
      "nodev",
      "rprivate",
      "size=10m",
      "exec",
    ]);
    expect(tmpfsMount("/run", "noexec").options).toEqual(["noexec", "nosuid", "nodev", "rprivate"]);
  });

  test("by --mount has its size in bytes and its mode in octal", () => {
    const mount = { Type: "tmpfs", Target: "/x", TmpfsOptions: { SizeBytes: 4096, Mode: 0o1770 } } as const;
    expect(tmpfsOptionsOf(mount)).toBe("mode=1770,size=4096");
    expect(readMounts({ Mounts: [mount] }).tmpfs).toEqual([
      { Type: "tmpfs", Source: "", Destination: "/x", Mode: "", RW: true, Propagation: "" },
    ]);
  });
});
