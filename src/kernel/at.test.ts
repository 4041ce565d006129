import { describe, expect, test } from "bun:test";
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { stepsOf, temporaryDirectory } from "./_test_support.ts";
import {
  type At,
  changeMode,
  changeOwner,
  createFile,
  factsOf,
  makeDirectory,
  makeLink,
  makeNode,
  makeSymlink,
  openDirectoryBeneath,
  removeName,
  rename,
  setAttribute,
  setTimes,
} from "./at.ts";
import { ERRNO } from "./errno.ts";
import { closeFd, openPath, owned } from "./file.ts";
import { S } from "./flags.ts";
import { device } from "./stat.ts";
import { sys } from "./syscall.ts";

/** An open directory that is gone at the end of the scope. */
function openDirectory(): Disposable & { path: string; named(name: string): At } {
  using stack = new DisposableStack();
  const { path } = stack.use(temporaryDirectory());
  const { fd: directory } = stack.use(owned(openPath(path)));
  const held = stack.move();
  return { path, named: (name) => ({ directory, name }), [Symbol.dispose]: () => held.dispose() };
}

describe("a path beneath a root", () => {
  test("is opened through links that stay inside, and refused where it leads out", () => {
    using at = openDirectory();
    const { directory: root } = at.named("");
    mkdirSync(`${at.path}/in/side`, { recursive: true });
    symlinkSync("in", `${at.path}/link`);
    symlinkSync("/etc", `${at.path}/absolute`);
    symlinkSync("../..", `${at.path}/upwards`);
    for (const path of ["", "in/side", "link/side", "in/../in"]) {
      using directory = owned(openDirectoryBeneath(root, path));
      expect(directory.fd).toBeGreaterThan(2);
    }
    for (const path of ["absolute", "upwards", "..", "/etc"]) {
      expect(openDirectoryBeneath(root, path)).toBe(-ERRNO.EXDEV);
    }
    expect(openDirectoryBeneath(root, "absent")).toBe(-ERRNO.ENOENT);
  });

  test("does not follow the kernel's magic links", () => {
    using proc = owned(openPath("/proc"));
    expect(openDirectoryBeneath(proc.fd, "self/root")).toBe(-ERRNO.ELOOP);
  });
});

describe("a name in a directory", () => {
  test("is made once, linked, moved and removed", () => {
    using at = openDirectory();
    const file = createFile(at.named("f"));
    closeFd(file);
    expect(createFile(at.named("f"))).toBe(-ERRNO.EEXIST);
    expect(makeDirectory(at.named("d"), 0o750)).toBe(0);
    expect(makeDirectory(at.named("d"), 0o750)).toBe(-ERRNO.EEXIST);
    expect(makeSymlink("f", at.named("l"))).toBe(0);
    expect(makeLink(at.named("l"), at.named("d/h"))).toBe(0);
    expect(readlinkSync(`${at.path}/d/h`)).toBe("f");
    expect(rename(at.named("f"), at.named("d/g"))).toBe(0);
    expect(removeName(at.named("l"))).toBe(0);
    expect(removeName(at.named("l"))).toBe(-ERRNO.ENOENT);
    expect(readdirSync(at.path, { recursive: true }).sort()).toEqual(["d", "d/g", "d/h"]);
  });

  test("is bytes, UTF-8 or not", () => {
    using at = openDirectory();
    closeFd(createFile(at.named("\xc3\xa4 \xff")));
    expect(readdirSync(at.path, { encoding: "buffer" })).toEqual([Buffer.from("\xc3\xa4 \xff", "latin1")]);
  });

  test("that is longer than Linux allows is refused in a sentence", () => {
    using at = openDirectory();
    expect(() => factsOf(at.named("n".repeat(5000)))).toThrow(
      "a name of 5000 bytes is too long: Linux allows 4095",
    );
  });

  test("gets owner, times and attributes itself, even where it is a link", () => {
    using at = openDirectory();
    const link = at.named("l");
    makeSymlink("/etc/passwd", link);
    expect(changeOwner(link, 1234, 5678)).toBe(0);
    expect(setTimes(link, -1_500_000_001n)).toBe(0);
    expect(lstatSync(`${at.path}/l`, { bigint: true })).toMatchObject({
      uid: 1234n,
      gid: 5678n,
      mtimeNs: -1_500_000_001n,
      atimeNs: -1_500_000_001n,
    });
    expect(setAttribute(link, "trusted.overlay.opaque", new TextEncoder().encode("y"))).toBe(0);
    const value = new Uint8Array(8);
    expect(sys("lgetxattr", `${at.path}/l`, "trusted.overlay.opaque", value, value.length)).toBe(1);
    expect(value[0]).toBe("y".charCodeAt(0));
  });

  test("tells its facts, of a link its own, and nothing where nothing is", () => {
    using at = openDirectory();
    writeFileSync(`${at.path}/f`, "12345");
    expect(changeMode(at.named("f"), 0o4751)).toBe(0);
    expect(factsOf(at.named("f"))).toMatchObject({ mode: S.IFREG | 0o4751, size: 5, nlink: 1 });
    makeSymlink("f", at.named("l"));
    expect((factsOf(at.named("l"))?.mode ?? 0) & S.IFMT).toBe(S.IFLNK);
    expect(factsOf(at.named("absent"))).toBeUndefined();
    expect(factsOf(at.named("f/below"))).toBeUndefined();
  });
});

describe("making a file that is no plain one", () => {
  test("is a step of the receipt for a device, and none for a FIFO", () => {
    using at = openDirectory();
    expect(stepsOf(() => makeNode(at.named("fifo"), S.IFIFO | 0o644, 0))).toEqual([]);
    const steps = stepsOf(() => makeNode(at.named("null"), S.IFCHR | 0o666, device(1, 3)));
    expect(steps).toMatchObject([
      {
        call: "mknodat",
        args: [String(at.named("").directory), '"null"', "S_IFCHR|0666", "makedev(1, 3)"],
        result: 0,
        what: 'make device "null"',
      },
    ]);
    expect(readFileSync(`${at.path}/null`, "utf8")).toBe("");
    expect(factsOf(at.named("null"))?.rdev).toBe(device(1, 3));
  });
});
