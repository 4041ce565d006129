import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { dockerConfig, dockerProcess, hasBusybox, runToEnd } from "./_test_bundle.ts";
import { type Change, type TestContainers, testContainers } from "./_test_native.ts";
import { native } from "./native.ts";

let containers: TestContainers;
beforeAll(() => {
  containers = testContainers();
});
afterAll(() => containers[Symbol.dispose]());

describe.skipIf(!hasBusybox)("a mount", () => {
  const bind = (destination: string, options: string[], source: string): Change => ({
    mounts: [{ destination, type: "bind", source, options }],
  });
  let source = "";
  beforeAll(() => {
    source = mkdtempSync(join(containers.bundles.directory, "source-"));
    writeFileSync(join(source, "file"), "of the host\n");
  });

  test("shows a directory of the host", async () => {
    expect(
      await containers.sh(
        "cat /data/deep/file; touch /data/deep/new && echo made",
        bind("/data/deep", ["rbind"], source),
      ),
    ).toBe("of the host\nmade\n");
    rmSync(join(source, "new"));
  });

  test("shows a file of the host", async () => {
    expect(
      await containers.sh("cat /etc/of-host", bind("/etc/of-host", ["bind"], join(source, "file"))),
    ).toBe("of the host\n");
  });

  test("that is read-only cannot be written", async () => {
    expect(await containers.sh("touch /data/x", bind("/data", ["rbind", "rro"], source))).toMatch(
      /Read-only file system/,
    );
  });

  test("whose target is a link in the image stays inside the root", async () => {
    symlinkSync("/../../../../tmp/fathom-escape", join(containers.bundles.root, "link"));
    mkdirSync(join(containers.bundles.root, "tmp/fathom-escape"));
    expect(await containers.sh("cat /tmp/fathom-escape/file", bind("/link", ["bind"], source))).toBe(
      "of the host\n",
    );
    expect(existsSync("/tmp/fathom-escape")).toBe(false);
  });

  test("of procfs does not follow a link of the image", async () => {
    const other = mkdtempSync(join(containers.bundles.directory, "root-"));
    mkdirSync(join(other, "elsewhere"));
    symlinkSync("elsewhere", join(other, "proc"));
    const config = dockerConfig(other, dockerProcess(["true"]));
    const id = containers.newId();
    const bundle = containers.bundles.write(id, { ...config, mounts: config.mounts.slice(0, 1) });
    expect(await runToEnd(native, { id, bundle }).catch((error: Error) => error.message)).toMatch(
      /open \/proc inside the root: ELOOP/,
    );
  });

  test("whose source is missing is refused by name", async () => {
    expect((await containers.failure(["true"], bind("/data", ["bind"], "/no/such/place"))).message).toBe(
      "cannot mount /no/such/place at /data: no such file or directory",
    );
  });

  test("with slave propagation shows what the host mounts later", async () => {
    const inside = await containers.sh(
      "cat /proc/self/mountinfo",
      bind("/data", ["rbind", "rslave"], source),
    );
    expect(inside).toContain(" /data ");
    expect(inside).not.toMatch(/ shared:\d+/);
  });
});

describe.skipIf(!hasBusybox)("without a mount namespace of its own", () => {
  const namespaces = [{ type: "pid" }, { type: "uts" }] as const;
  const linux = { namespaces: [...namespaces] };
  const mounted = () => {
    const lines = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
    return lines.filter((line) => line.includes(containers.bundles.root));
  };

  test("a container has its root by chroot, and of its mounts none is left when it has ended", async () => {
    expect(
      await containers.sh("readlink /proc/self/ns/mnt; ls -d /bin /proc/self/status; ls -d /usr", { linux }),
    ).toBe(
      `${readlinkSync("/proc/self/ns/mnt")}\n/bin\n/proc/self/status\nls: /usr: No such file or directory\n`,
    );
    expect(mounted()).toEqual([]);
  });

  test("and none when it did not start", async () => {
    expect((await containers.failure(["nope"], { linux })).message).toContain("executable file not found");
    const seccomp = { defaultAction: "SCMP_ACT_NONE" } as never;
    expect((await containers.failure(["true"], { linux: { ...linux, seccomp } })).message).not.toBe("");
    expect(mounted()).toEqual([]);
  });
});
