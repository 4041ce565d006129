import { describe, expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { stepsOf, temporaryDirectory } from "./_test_support.ts";
import { owned } from "./file.ts";
import { isMounted } from "./mount.ts";
import { NAMESPACE, newNetworkNamespace, openNamespace, removeNetworkNamespace } from "./namespaces.ts";

describe("a network namespace", () => {
  test("lasts without a process, with nothing but its loopback, which is up", () => {
    using directory = temporaryDirectory();
    const path = `${directory.path}/net`;
    using undo = new DisposableStack();
    undo.defer(() => removeNetworkNamespace(path));
    const steps = stepsOf(() => newNetworkNamespace(path));
    expect(steps.map(({ call }) => call).slice(-3)).toEqual(["socket", "ioctl", "mount"]);
    expect(isMounted(path)).toBeTrue();
    const inside = Bun.spawnSync(["nsenter", `--net=${path}`, "cat", "/proc/net/dev", "/proc/net/fib_trie"]);
    const lines = inside.stdout.toString();
    expect(lines.match(/^ +\w+:/gm)).toEqual(["    lo:"]);
    expect(lines).toContain("127.0.0.1");
    removeNetworkNamespace(path);
    expect(existsSync(path)).toBeFalse();
    removeNetworkNamespace(path);
  });

  test("is not made where a file is already", () => {
    using directory = temporaryDirectory();
    const path = `${directory.path}/net`;
    writeFileSync(path, "");
    expect(() => newNetworkNamespace(path)).toThrow("EEXIST");
    expect(isMounted(path)).toBeFalse();
    expect(existsSync(path)).toBeTrue();
  });
});

test("each kind of namespace of a process can be opened", () => {
  for (const type of Object.keys(NAMESPACE) as (keyof typeof NAMESPACE)[]) {
    using namespace = owned(openNamespace(process.pid, type) ?? -1);
    expect(namespace.fd).toBeGreaterThan(2);
  }
});
