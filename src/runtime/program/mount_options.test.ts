import { describe, expect, test } from "bun:test";
import { parseMountOptions, parsePropagation } from "./mount_options.ts";

/** MOUNT_ATTR bits to set and to clear: include/uapi/linux/mount.h. */
const OWN: [option: string, set: number, clear: number][] = [
  ["defaults", 0, 0],
  ["ro", 1, 0],
  ["rw", 0, 1],
  ["nosuid", 2, 0],
  ["suid", 0, 2],
  ["nodev", 4, 0],
  ["dev", 0, 4],
  ["noexec", 8, 0],
  ["exec", 0, 8],
  ["noatime", 0x10, 0x70],
  ["strictatime", 0x20, 0x70],
  ["relatime", 0, 0x70],
  ["atime", 0, 0x70],
  ["norelatime", 0, 0x70],
  ["nostrictatime", 0, 0x70],
  ["nodiratime", 0x80, 0],
  ["diratime", 0, 0x80],
  ["nosymfollow", 0x200000, 0],
  ["symfollow", 0, 0x200000],
];
const DEEP: [option: string, set: number, clear: number][] = OWN.filter(([name]) => name !== "defaults").map(
  ([name, set, clear]) => [`r${name}`, set, clear],
);
/** MS_UNBINDABLE, MS_PRIVATE, MS_SLAVE, MS_SHARED: include/uapi/linux/mount.h. */
const PROPAGATION: [option: string, value: number][] = [
  ["unbindable", 1 << 17],
  ["private", 1 << 18],
  ["slave", 1 << 19],
  ["shared", 1 << 20],
];

describe("a mount option", () => {
  test.each(OWN)("%s is an attribute of the mount itself", (option, set, clear) => {
    expect(parseMountOptions([option])).toEqual({
      own: { set, clear },
      deep: { set: 0, clear: 0 },
      data: [],
    });
  });
  test.each(DEEP)("%s is an attribute of the mount and all below it", (option, set, clear) => {
    expect(parseMountOptions([option])).toEqual({
      own: { set: 0, clear: 0 },
      deep: { set, clear },
      data: [],
    });
  });
  test.each(PROPAGATION)("%s is the propagation, and with an r that of all mounts below", (option, value) => {
    expect(parseMountOptions([option]).propagation).toEqual({ value, recursive: false });
    expect(parseMountOptions([`r${option}`]).propagation).toEqual({ value, recursive: true });
  });
  test.each(["async", "loud", "silent", "mand", "nomand", "nolazytime"])("%s changes nothing", (option) => {
    expect(parseMountOptions([option]).data).toEqual([]);
  });
  test.each(["sync", "dirsync", "lazytime", "size=64m", "mode=1777", "newinstance", "lowerdir=/a:/b"])(
    "%s is the file system's own business",
    (option) => expect(parseMountOptions([option]).data).toEqual([option]),
  );
  test.each(["remount", "tmpcopyup"])("%s is refused by name", (option) => {
    expect(() => parseMountOptions([option])).toThrow(`the mount option ${option} is not supported`);
  });
  test("that comes later outweighs its opposite", () => {
    expect(parseMountOptions(["ro", "rw"]).own).toEqual({ set: 0, clear: 1 });
    expect(parseMountOptions(["rw", "ro"]).own).toEqual({ set: 1, clear: 0 });
    expect(parseMountOptions(["noatime", "strictatime", "nosuid"]).own).toEqual({ set: 0x22, clear: 0x70 });
  });
  test("rbind outweighs bind", () => {
    expect(parseMountOptions(["bind"]).bind).toBe("plain");
    expect(parseMountOptions(["rbind", "bind"]).bind).toBe("recursive");
    expect(parseMountOptions(["bind", "rbind"]).bind).toBe("recursive");
  });
});

test("rootfsPropagation takes a propagation and nothing else", () => {
  expect(parsePropagation("rslave")).toEqual({ value: 1 << 19, recursive: true });
  expect(() => parsePropagation("ro")).toThrow(/rootfsPropagation is ro/);
  expect(() => parsePropagation("quickly")).toThrow(/rootfsPropagation is quickly/);
});
