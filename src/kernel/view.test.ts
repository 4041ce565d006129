import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { temporaryDirectory } from "./_test_support.ts";
import { owned } from "./file.ts";
import { mountpoints, unmount } from "./mount.ts";
import { mountOverlay } from "./overlay.ts";
import { findInRoot, isReadOnly } from "./tree.ts";
import { viewOfProcess, viewWithMounts } from "./view.ts";

/** A mounted root with a directory and a file of the host beside it. */
function mountedRoot(): Disposable & { path: string; root: string } {
  const directory = temporaryDirectory();
  const { path } = directory;
  for (const name of ["lower", "upper", "work", "root", "host"]) mkdirSync(`${path}/${name}`);
  writeFileSync(`${path}/host/f`, "the host's");
  symlinkSync("/", `${path}/lower/way`);
  mountOverlay({
    lowers: [`${path}/lower`],
    upper: `${path}/upper`,
    work: `${path}/work`,
    target: `${path}/root`,
  });
  return {
    path,
    root: `${path}/root`,
    [Symbol.dispose]: () => {
      unmount(`${path}/root`, { detach: true });
      directory[Symbol.dispose]();
    },
  };
}

function readIn(root: number, path: string): string {
  using file = owned(findInRoot(root, path, { follow: true }));
  return readFileSync(`/proc/self/fd/${file.fd}`, "utf8");
}

function isReadOnlyAt(root: number, path: string): boolean {
  using place = owned(findInRoot(root, path, { follow: true }));
  return isReadOnly(place.fd);
}

afterAll(() => {
  expect(mountpoints().filter(({ mountPoint }) => mountPoint.includes("/fathom-test-kernel-"))).toEqual([]);
});

describe("a view with mounts", () => {
  test("shows them where they belong, their places made, and nowhere else", () => {
    using at = mountedRoot();
    const before = mountpoints().length;
    const mounts = [
      { source: `${at.path}/host`, target: "/data/deep", readOnly: true },
      { source: `${at.path}/host/f`, target: "/way/etc/hosts", readOnly: false },
    ];
    using view = viewWithMounts(at.root, mounts, { readOnly: false });
    expect(readIn(view.fd, "/data/deep/f")).toBe("the host's");
    expect(readIn(view.fd, "/etc/hosts")).toBe("the host's");
    expect(isReadOnlyAt(view.fd, "/data/deep")).toBe(true);
    expect(isReadOnlyAt(view.fd, "/etc/hosts")).toBe(false);
    expect(isReadOnlyAt(view.fd, "/")).toBe(false);
    expect(readdirSync(`${at.root}/data/deep`)).toEqual([]);
    expect(mountpoints()).toHaveLength(before);
  });

  test("may be read-only although the root is not", () => {
    using at = mountedRoot();
    const mounts = [{ source: `${at.path}/host`, target: "/data", readOnly: false }];
    using view = viewWithMounts(at.root, mounts, { readOnly: true });
    expect(isReadOnlyAt(view.fd, "/")).toBe(true);
    expect(isReadOnlyAt(view.fd, "/data")).toBe(false);
    writeFileSync(`${at.root}/still`, "");
  });

  test("leaves the process where it was, also when it cannot be made", () => {
    using at = mountedRoot();
    const here = process.cwd();
    const absent = [{ source: `${at.path}/absent`, target: "/x", readOnly: false }];
    expect(() => viewWithMounts(at.root, absent, { readOnly: false })).toThrow("ENOENT");
    expect(process.cwd()).toBe(here);
    expect(readFileSync(`${at.path}/host/f`, "utf8")).toBe("the host's");
    expect(mountpoints().some(({ mountPoint }) => mountPoint === at.root)).toBe(true);
  });
});

describe("a view of a process", () => {
  test("is there only where its root is the one that is meant", () => {
    using at = mountedRoot();
    using own = viewOfProcess(process.pid, "/");
    expect(own).toBeDefined();
    expect(viewOfProcess(process.pid, at.root)).toBeUndefined();
    expect(viewOfProcess(2 ** 22 - 1, "/")).toBeUndefined();
  });
});
