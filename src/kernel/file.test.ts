import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { stepsOf, temporaryDirectory } from "./_test_support.ts";
import { readControlFile, writeControlFile } from "./control_file.ts";
import { SyscallError } from "./errno.ts";
import { closeFd, openInRoot, openPath, owned, readFileInRoot, subdirectories } from "./file.ts";
import { AT, O, S } from "./flags.ts";
import { device, majorMinor, statAt, statFd } from "./stat.ts";
import { sys } from "./syscall.ts";

/** A root with a file in it, a file beside it, and links of every kind that lead out. */
function rootWithLinks(): Disposable & { path: string; root: string } {
  const directory = temporaryDirectory();
  const root = `${directory.path}/root`;
  mkdirSync(`${root}/etc`, { recursive: true });
  writeFileSync(`${root}/etc/passwd`, "inside");
  writeFileSync(`${directory.path}/secret`, "outside");
  symlinkSync("/etc/passwd", `${root}/absolute`);
  symlinkSync("../../../../../etc/passwd", `${root}/upwards`);
  symlinkSync("../secret", `${root}/beside`);
  symlinkSync("loop", `${root}/loop`);
  return { path: directory.path, root, [Symbol.dispose]: () => directory[Symbol.dispose]() };
}

const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof SyscallError) return error.code;
    throw error;
  }
  return "none";
};

describe("a path in a root", () => {
  test("resolves absolute links and .. as after chroot", () => {
    using at = rootWithLinks();
    for (const path of ["/etc/passwd", "etc/passwd", "absolute", "upwards", "../../etc/passwd"]) {
      expect(readFileInRoot(at.root, path, 100)).toBe("inside");
    }
  });

  test("never reaches what lies beside the root", () => {
    using at = rootWithLinks();
    for (const path of ["beside", "../secret", "etc/../../secret"]) {
      expect(readFileInRoot(at.root, path, 100)).toBeUndefined();
    }
  });

  test("does not follow the kernel's magic links", () => {
    expect(codeOf(() => openInRoot("/proc", "self/exe", O.RDONLY))).toBe("ELOOP");
  });

  test("may be given by an open root, which stays open", () => {
    using at = rootWithLinks();
    using root = owned(openPath(at.root));
    expect(readFileInRoot(root.fd, "absolute", 100)).toBe("inside");
    expect(statFd(root.fd).mode & S.IFMT).toBe(S.IFDIR);
  });

  test("makes a file inside with the mode that is given", () => {
    using at = rootWithLinks();
    symlinkSync("/etc/new", `${at.root}/link`);
    closeFd(openInRoot(at.root, "link", { flags: O.CREAT | O.WRONLY, mode: 0o640 }));
    expect(lstatSync(`${at.root}/etc/new`).mode & 0o777).toBe(0o640);
  });
});

describe("reading a file in a root", () => {
  test("gives undefined where no regular file is: nothing, a directory, a loop, a FIFO nobody writes", () => {
    using at = rootWithLinks();
    sys("mknodat", AT.FDCWD, `${at.root}/fifo`, S.IFIFO | 0o600, 0);
    for (const path of ["absent", "etc", "loop", "fifo", "etc/passwd/below"]) {
      expect(readFileInRoot(at.root, path, 100)).toBeUndefined();
    }
  });

  test("refuses one larger than its limit, a sparse one at once", () => {
    using at = rootWithLinks();
    expect(readFileInRoot(at.root, "etc/passwd", 6)).toBe("inside");
    expect(() => readFileInRoot(at.root, "etc/passwd", 5)).toThrow("more than the 5 bytes");
    truncateSync(`${at.root}/etc/passwd`, 2 ** 40);
    expect(() => readFileInRoot(at.root, "etc/passwd", 10_000)).toThrow("more than");
  });

  test("reads one that is larger than a page whole", () => {
    using at = rootWithLinks();
    const long = "0123456789".repeat(50_000);
    writeFileSync(`${at.root}/long`, long);
    expect(readFileInRoot(at.root, "long", 1_000_000)).toBe(long);
  });

  test("throws where the root itself is missing", () => {
    expect(codeOf(() => readFileInRoot("/nonexistent", "etc/passwd", 10))).toBe("ENOENT");
  });
});

describe("control files", () => {
  test("a write is one step that names path and text", () => {
    using directory = temporaryDirectory();
    const path = `${directory.path}/control`;
    writeFileSync(path, "");
    const steps = stepsOf(() => writeControlFile(path, "max", "limit processes"));
    expect(readFileSync(path, "utf8")).toBe("max");
    expect(steps).toMatchObject([
      {
        call: "write",
        args: [JSON.stringify(path), '"max"'],
        result: 3,
        what: "limit processes",
        see: `cat ${path}`,
      },
    ]);
  });

  test("a write that is refused says what, which text and where, and is a step all the same", () => {
    const steps = stepsOf(() =>
      expect(() => writeControlFile("/proc/self/oom_score_adj", "x", "set the OOM score")).toThrow(
        'set the OOM score: write "x" to /proc/self/oom_score_adj: EINVAL',
      ),
    );
    expect(steps).toMatchObject([{ call: "write", result: -22, error: "EINVAL" }]);
  });

  test("does not make a file that is not there", () => {
    expect(() => writeControlFile("/tmp/fathom-test-absent", "1", "test")).toThrow("ENOENT");
  });

  test("one that is not there reads as undefined", () => {
    expect(readControlFile("/proc/self/absent")).toBeUndefined();
    expect(readControlFile("/proc/self/comm")).toEndWith("\n");
  });
});

describe("facts about a file", () => {
  test("are those of lstat", () => {
    using directory = temporaryDirectory();
    const path = `${directory.path}/f`;
    writeFileSync(path, "12345");
    chmodSync(path, 0o4751);
    const expected = lstatSync(path, { bigint: true });
    expect(statAt(AT.FDCWD, path)).toEqual({
      mode: Number(expected.mode),
      uid: 0,
      gid: 0,
      size: 5,
      nlink: 1,
      rdev: 0,
      dev: statAt(AT.FDCWD, directory.path)?.dev ?? -1,
      ino: expected.ino,
      mtime: expected.mtimeNs,
      mountRoot: false,
      mount: expect.any(BigInt),
    });
  });

  test("are undefined where nothing is, and those of a link itself", () => {
    using at = rootWithLinks();
    expect(statAt(AT.FDCWD, `${at.root}/absent`)).toBeUndefined();
    expect((statAt(AT.FDCWD, `${at.root}/absolute`)?.mode ?? 0) & S.IFMT).toBe(S.IFLNK);
  });

  test("name a device by numbers that survive both ways", () => {
    expect(majorMinor(statAt(AT.FDCWD, "/dev/null")?.rdev ?? 0)).toEqual({ major: 1, minor: 3 });
    for (const [major, minor] of [
      [8, 1],
      [254, 255],
      [4095, 0xf_ffff],
      [1, 256],
    ] as const) {
      expect(majorMinor(device(major, minor))).toEqual({ major, minor });
    }
  });
});

test("the directories in a directory are named, not its files nor its links to directories", () => {
  using at = rootWithLinks();
  mkdirSync(`${at.root}/bin`);
  symlinkSync("etc", `${at.root}/link`);
  expect(subdirectories(at.root).sort()).toEqual(["bin", "etc"]);
  expect(subdirectories(`${at.root}/absent`)).toEqual([]);
});
