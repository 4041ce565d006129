import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { stepsOf, temporaryDirectory } from "./_test_support.ts";
import { isMounted, mountpoints, parseMountinfo, unmount } from "./mount.ts";
import { mountAtOnce, mountOverlay, type Overlay } from "./overlay.ts";
import { check, sys } from "./syscall.ts";

/** A directory with subdirectories, whose mounts at `t` are gone at the end of the scope. */
function mountDirectory(...names: string[]): Disposable & { path: string } {
  const directory = temporaryDirectory();
  for (const name of [...names, "t"]) mkdirSync(`${directory.path}/${name}`, { recursive: true });
  const clear = (): void => {
    while (unmount(`${directory.path}/t`, { detach: true }));
    directory[Symbol.dispose]();
  };
  return { path: directory.path, [Symbol.dispose]: clear };
}

afterAll(() => {
  expect(mountpoints().filter(({ mountPoint }) => mountPoint.includes("/fathom-test-kernel-"))).toEqual([]);
});

describe("an overlay", () => {
  for (const [way, mount] of [
    ["one by one", mountOverlay],
    ["at once", mountAtOnce],
  ] as const) {
    describe(`whose layers are given ${way}`, () => {
      test("shows the topmost layer's file and takes writes into its upper directory", () => {
        using at = mountDirectory("top", "bottom", "u", "w");
        writeFileSync(`${at.path}/bottom/a`, "bottom");
        writeFileSync(`${at.path}/bottom/b`, "bottom");
        writeFileSync(`${at.path}/top/a`, "top");
        mount(overlayAt(at.path, ["top", "bottom"]));
        expect(readFileSync(`${at.path}/t/a`, "utf8")).toBe("top");
        expect(readFileSync(`${at.path}/t/b`, "utf8")).toBe("bottom");
        writeFileSync(`${at.path}/t/c`, "new");
        expect(readdirSync(`${at.path}/u`)).toEqual(["c"]);
      });

      test("is read-only without an upper directory", () => {
        using at = mountDirectory("a", "b");
        mount({ lowers: [`${at.path}/a`, `${at.path}/b`], target: `${at.path}/t` });
        expect(() => writeFileSync(`${at.path}/t/c`, "new")).toThrow("EROFS");
      });

      test("takes directories whose names hold what overlay would interpret, or are long", () => {
        const odd = ["a:b", "a,b", "a\\b", 'a b\n"c', `${"long".repeat(60)}/${"longer".repeat(40)}`];
        using at = mountDirectory(...odd, "u:,\\", "w:,\\");
        for (const [index, name] of odd.entries()) writeFileSync(`${at.path}/${name}/f${index}`, "");
        mount({ ...overlayAt(at.path, odd), upper: `${at.path}/u:,\\`, work: `${at.path}/w:,\\` });
        expect(readdirSync(`${at.path}/t`).sort()).toEqual(["f0", "f1", "f2", "f3", "f4"]);
        writeFileSync(`${at.path}/t/new`, "");
        expect(readdirSync(`${at.path}/u:,\\`)).toEqual(["new"]);
      });

      test("takes 128 layers with names too long for a page of options", () => {
        const layers = Array.from({ length: 128 }, (_, index) => `${"l".repeat(64)}${index}`);
        using at = mountDirectory(...layers, "u", "w");
        for (const layer of layers) writeFileSync(`${at.path}/${layer}/${layer.slice(64)}`, "");
        mount(overlayAt(at.path, layers));
        expect(readdirSync(`${at.path}/t`)).toHaveLength(128);
      });

      test("takes the 500 layers that overlay has room for, and leaves the current directory as it is", () => {
        const layers = Array.from({ length: 500 }, (_, index) => `${"l".repeat(64)}${index}`);
        using at = mountDirectory(...layers, "u", "w");
        for (const layer of layers) writeFileSync(`${at.path}/${layer}/${layer.slice(64)}`, "");
        const before = process.cwd();
        mount(overlayAt(at.path, layers));
        expect(process.cwd()).toBe(before);
        expect(readdirSync(`${at.path}/t`)).toHaveLength(500);
      });

      test("takes options of overlay, flags and values", () => {
        using at = mountDirectory("a", "u", "w");
        mount({ ...overlayAt(at.path, ["a"]), options: ["volatile", "index=off"] });
        const mounted = mountpoints().find(({ mountPoint }) => mountPoint === `${at.path}/t`);
        expect(mounted?.superOptions.join()).toContain("volatile");
      });

      test("that fails leaves nothing mounted", () => {
        using at = mountDirectory("a", "u", "w");
        expect(() => mount({ ...overlayAt(at.path, ["a"]), lowers: [`${at.path}/absent`] })).toThrow(
          "ENOENT",
        );
        expect(() => mount({ ...overlayAt(at.path, ["a"]), options: ["nonsense=1"] })).toThrow("EINVAL");
        expect(isMounted(`${at.path}/t`)).toBeFalse();
      });
    });
  }

  test("tells the kernel's own words about an option it does not know", () => {
    using at = mountDirectory("a", "u", "w");
    expect(() => mountOverlay({ ...overlayAt(at.path, ["a"]), options: ["nonsense=1"] })).toThrow(
      "set nonsense of an overlay (overlay: Unknown parameter 'nonsense'): EINVAL",
    );
  });

  test("is seen in the table of mounts by its layers' names", () => {
    using at = mountDirectory("a", "b", "u", "w");
    mountOverlay(overlayAt(at.path, ["a", "b"]));
    const mount = mountpoints().find(({ mountPoint }) => mountPoint === `${at.path}/t`);
    expect(mount).toMatchObject({ type: "overlay", source: "overlay" });
    expect(mount?.superOptions.join()).toContain(`${at.path}/u`);
  });

  test("reports one step for each system call that makes it", () => {
    using at = mountDirectory("a", "b", "u", "w");
    const steps = stepsOf(() => mountOverlay(overlayAt(at.path, ["a", "b"])));
    expect(steps.map(({ call }) => call)).toEqual([
      "fsopen",
      ...Array(6).fill("fsconfig"),
      "fsmount",
      "move_mount",
    ]);
    expect(steps.at(-1)?.see).toBe(`findmnt ${at.path}/t`);
  });
});

function overlayAt(path: string, lowers: string[]): Overlay {
  return {
    lowers: lowers.map((lower) => `${path}/${lower}`),
    upper: `${path}/u`,
    work: `${path}/w`,
    target: `${path}/t`,
  };
}

function mountTmpfs(target: string): void {
  check(sys("mount", "tmpfs", target, "tmpfs", 0, ""), `mount ${target}`);
}

describe("unmounting", () => {
  test("tells whether anything was mounted, and is no error where nothing was", () => {
    using at = mountDirectory();
    mountTmpfs(`${at.path}/t`);
    expect(isMounted(`${at.path}/t`)).toBeTrue();
    expect(stepsOf(() => expect(unmount(`${at.path}/t`)).toBeTrue())).toHaveLength(1);
    expect(isMounted(`${at.path}/t`)).toBeFalse();
    expect(unmount(`${at.path}/t`)).toBeFalse();
    expect(unmount(`${at.path}/absent`)).toBeFalse();
    expect(isMounted(`${at.path}/absent`)).toBeFalse();
  });

  test("of a mount in use fails, unless it is detached", async () => {
    using at = mountDirectory();
    mountTmpfs(`${at.path}/t`);
    const user = Bun.spawn(["sleep", "100"], { cwd: `${at.path}/t` });
    expect(() => unmount(`${at.path}/t`)).toThrow("EBUSY");
    expect(unmount(`${at.path}/t`, { detach: true })).toBeTrue();
    user.kill();
    await user.exited;
  });
});

describe("the table of mounts", () => {
  test("is parsed with its escapes, optional fields and odd sources", () => {
    const [mount, ...more] = parseMountinfo(
      "42 27 254:0 /a\\040b /mnt/new\\012line\\134 rw,relatime shared:1 master:2 - ext4 /dev/sda\\0401 rw,discard\n",
    );
    expect(more).toEqual([]);
    expect(mount).toEqual({
      id: 42,
      parent: 27,
      device: "254:0",
      root: "/a b",
      mountPoint: "/mnt/new\nline\\",
      options: ["rw", "relatime"],
      propagation: ["shared:1", "master:2"],
      type: "ext4",
      source: "/dev/sda 1",
      superOptions: ["rw", "discard"],
    });
  });

  test("takes an empty source, and leaves out lines that are cut short", () => {
    expect(parseMountinfo("1 2 0:1 / /x rw - tmpfs  rw")).toMatchObject([
      { source: "", superOptions: ["rw"] },
    ]);
    expect(parseMountinfo("")).toEqual([]);
    expect(parseMountinfo("1 2 0:1 / /x rw")).toEqual([]);
    expect(parseMountinfo("1 2 0:1 / /x rw - tmpfs")).toEqual([]);
  });

  test("begins with this process's own root", () => {
    expect(mountpoints().map(({ mountPoint }) => mountPoint)).toContain("/");
  });
});
