import { describe, expect, test } from "bun:test";
import { bindMount, tmpfsMount, tmpfsOptionsOf } from "./points.ts";

describe("a bind", () => {
  const point = { Source: "/a", Destination: "/b", RW: true, Propagation: "rprivate" };

  test("takes what is mounted below along, and is read-only all the way down", () => {
    expect(bindMount(point).options).toEqual(["rbind", "rprivate"]);
    expect(bindMount({ ...point, RW: false }).options).toEqual(["rbind", "rro", "rprivate"]);
  });

  test("may leave out what is below, or leave that writable", () => {
    const Details = { nonRecursive: true } as const;
    expect(bindMount({ ...point, Details }).options).toEqual(["bind", "rprivate"]);
    expect(bindMount({ ...point, RW: false, Details: { shallowReadOnly: true } }).options).toEqual([
      "rbind",
      "ro",
      "rprivate",
    ]);
  });

  test("may come from where a start has put it; a volume has no propagation", () => {
    const mount = bindMount({ ...point, Propagation: "" }, "/elsewhere");
    expect(mount).toEqual({ destination: "/b", type: "bind", source: "/elsewhere", options: ["rbind"] });
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

  test("by --mount has its size in bytes, its mode in octal, and further options", () => {
    const TmpfsOptions = { SizeBytes: 4096, Mode: 0o1770, Options: [["exec"], ["uid", "7"]] };
    const mount = { Type: "tmpfs", Target: "/x", ReadOnly: true, TmpfsOptions } as const;
    expect(tmpfsOptionsOf(mount)).toBe("mode=1770,size=4096,ro,exec,uid=7");
  });
});
