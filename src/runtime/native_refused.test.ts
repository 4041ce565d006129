import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openCgroup } from "../kernel/mod.ts";
import { hasBusybox } from "./_test_bundle.ts";
import { type Change, type TestContainers, testContainers } from "./_test_native.ts";

let containers: TestContainers;
beforeAll(() => {
  containers = testContainers();
});
afterAll(() => containers[Symbol.dispose]());

describe.skipIf(!hasBusybox)("a program that cannot be executed", () => {
  const file = (name: string, content: string | Uint8Array, mode = 0o755): string => {
    writeFileSync(join(containers.bundles.root, name), content);
    chmodSync(join(containers.bundles.root, name), mode);
    return `/${name}`;
  };
  const said = async (...args: string[]): Promise<[string, number]> => {
    const { message, exitCode } = await containers.failure(args);
    return [message, exitCode];
  };

  test("because PATH has none of its name", async () => {
    expect(await said("nope")).toEqual(['exec: "nope": executable file not found in $PATH', 127]);
  });
  test("because there is none at its path", async () => {
    expect(await said("/no/such")).toEqual([
      'exec: "/no/such": stat /no/such: no such file or directory',
      127,
    ]);
  });
  test("because it is a directory", async () => {
    expect(await said("/etc")).toEqual(['exec: "/etc": is a directory: permission denied', 126]);
  });
  test("because it may not be executed", async () => {
    expect(await said("/etc/passwd")).toEqual(['exec: "/etc/passwd": permission denied', 126]);
  });
  test("because its script's interpreter is missing", async () => {
    const script = file("script", "#!/opt/python -u\n");
    expect(await said(script)).toEqual([
      `exec ${script}: no such file or directory: it needs /opt/python, which is not in the image`,
      127,
    ]);
  });
  test("because its loader is missing", async () => {
    file("dynamic", readFileSync("/bin/ls"));
    const [message, exitCode] = await said("/dynamic");
    expect(message).toMatch(
      /^exec \/dynamic: no such file or directory: it needs \/lib\S*ld-linux\S+, which is not in the image$/,
    );
    expect(exitCode).toBe(127);
  });
  test("because it is for another processor", async () => {
    const elf = new Uint8Array(readFileSync("/bin/ls").subarray(0, 4096));
    elf[18] = process.arch === "arm64" ? 62 : 183;
    file("foreign", elf);
    expect((await said("/foreign"))[0]).toMatch(
      /^exec \/foreign: exec format error: it is a program for (arm64|x86_64), and this host is/,
    );
  });
  test("because it is no program at all", async () => {
    expect(await said(file("text", "hello\n"))).toEqual([
      "exec /text: exec format error: it is no program, and no script that begins with #!",
      126,
    ]);
  });
  test("leaves no process, cgroup or descriptor", async () => {
    const before = readdirSync("/proc/self/fd").length;
    await said("nope");
    expect(readdirSync("/proc/self/fd").length).toBe(before);
    using groups = openCgroup("/fathom-test-runtime");
    const left = groups?.directories.flatMap((directory) => readdirSync(directory));
    expect(left?.filter((name) => name.startsWith("native-"))).toEqual([]);
  });
});

describe.skipIf(!hasBusybox)("what a configuration cannot have is refused by name", () => {
  const said = async (change: Change): Promise<string> =>
    (await containers.failure(["true"], change)).message;
  test("a capability that does not exist", async () => {
    const capabilities = {
      bounding: ["CAP_FLY"],
      effective: [],
      permitted: [],
      inheritable: [],
      ambient: [],
    };
    expect(await said({ process: { capabilities } })).toBe('unknown capability "CAP_FLY"');
  });
  test("a sysctl of the whole host", async () => {
    expect(await said({ linux: { sysctl: { "vm.swappiness": "1" } } })).toMatch(
      /sysctl "vm.swappiness" cannot be set in a container/,
    );
  });
  test("a resource limit that does not exist", async () => {
    expect(await said({ process: { rlimits: [{ type: "RLIMIT_X", soft: 1, hard: 1 }] } })).toMatch(
      /unknown resource limit RLIMIT_X/,
    );
  });
  test("a mount option that a file system does not know", async () => {
    const mount = { destination: "/x", type: "tmpfs", source: "tmpfs", options: ["colour=red"] };
    expect(await said({ mounts: [mount] })).toBe("make tmpfs for /x: EINVAL");
  });
  test("a working directory by way of an open descriptor", async () => {
    expect(await said({ process: { cwd: "/proc/self/fd/7" } })).toMatch(/ENOENT|ELOOP/);
  });
  test("a working directory that is a file, or below one", async () => {
    for (const cwd of ["/etc/passwd", "/etc/passwd/below"]) {
      expect(await said({ process: { cwd } })).toBe("Cannot mkdir: /etc/passwd is not a directory");
    }
  });
  test("a working directory that its user may not enter", async () => {
    mkdirSync(join(containers.bundles.root, "closed"), { mode: 0o700 });
    const capabilities = { bounding: [], effective: [], permitted: [], inheritable: [], ambient: [] };
    const error = await containers.failure(["true"], {
      process: { cwd: "/closed", user: { uid: 1000, gid: 1000 }, capabilities },
    });
    expect([error.message, error.exitCode]).toEqual([
      'chdir to cwd ("/closed") set in config.json failed: permission denied',
      126,
    ]);
  });
  test("users of its own without a mount namespace", async () => {
    const map = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
    const namespaces = [{ type: "pid" }, { type: "user" }] as const;
    const linux = { namespaces: [...namespaces], uidMappings: map, gidMappings: map };
    expect(await said({ linux })).toMatch(/needs a new mount namespace/);
  });
});
