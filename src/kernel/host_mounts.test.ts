import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import type { Step } from "../spec/receipt.ts";
import { openInRoot, owned } from "./file.ts";
import { MS, O } from "./flags.ts";
import { bindDescriptor, mountOnHost, mountPatiently } from "./host_mounts.ts";
import { isMounted, propagationOf, unmount } from "./mount.ts";
import { recording } from "./receipt.ts";

let root: string;
let target: string;
beforeEach(() => {
  root = mkdtempSync("/tmp/fathom-test-mounts-");
  target = `${root}/target`;
  mkdirSync(target);
});
afterEach(() => {
  unmount(target, { detach: true });
  rmSync(root, { recursive: true });
});

const tmpfs = (data = "") => ({ source: "tmpfs", target, type: "tmpfs", flags: 0, data });

test("a mount that another process makes is seen here, and is one step of the receipt", async () => {
  const steps: (() => Step)[] = [];
  await recording(
    "daemon",
    (step) => steps.push(step),
    () => mountPatiently(tmpfs("size=64k")),
  );
  expect(isMounted(target)).toBe(true);
  expect(steps.map((step) => step()).map(({ call, result }) => [call, result])).toEqual([["mount", 0]]);
});

test("a failure is named, whichever process it befell", async () => {
  expect(() => mountOnHost(tmpfs("odd=1"))).toThrow(`mount tmpfs:${target}: EINVAL`);
  expect(mountPatiently(tmpfs("odd=1"))).rejects.toThrow(`mount tmpfs:${target}: EINVAL`);
  await Bun.sleep(20);
  expect(isMounted(target)).toBe(false);
});

test("a bind takes its options in a second step", () => {
  mkdirSync(`${root}/source`);
  const bind = { source: `${root}/source`, target, type: "none", flags: MS.BIND | MS.RDONLY, data: "" };
  mountOnHost(bind);
  expect(() => writeFileSync(`${target}/f`, "")).toThrow("EROFS");
});

test("a descriptor's place is bound, though its name leads elsewhere by then", () => {
  mkdirSync(`${root}/place`);
  writeFileSync(`${root}/place/f`, "of the place");
  using place = owned(openInRoot(root, "place", O.PATH));
  renameSync(`${root}/place`, `${root}/moved`);
  symlinkSync("/etc", `${root}/place`);
  bindDescriptor(place.fd, target);
  expect(readFileSync(`${target}/f`, "utf8")).toBe("of the place");
});

test("the propagation of a path is that of the mount that holds it", () => {
  mountOnHost(tmpfs());
  mkdirSync(`${target}/deep`);
  expect(propagationOf(`${target}/deep`)).toEqual({ mountPoint: target, shared: false, slave: false });
});
