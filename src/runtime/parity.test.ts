import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import {
  dockerConfig,
  dockerProcess,
  hasBusybox,
  runToEnd,
  type TestBundles,
  testBundles,
} from "./_test_bundle.ts";
import { runtimeFor } from "./mod.ts";
import type { RuntimeError } from "./runtime.ts";

/** What a program sees of itself and its container. */
const LOOK = `
  grep -E '^(Uid|Gid|Groups|Sig(Blk|Ign|Cgt)|Cap|NoNewPrivs|Seccomp|Umask)' /proc/1/status
  for n in 0 1 2 3 4; do [ -e /proc/1/fd/$n ] && echo descriptor $n; done
  cat /proc/1/limits /proc/1/oom_score_adj /proc/1/uid_map
  cut -d' ' -f5- /proc/1/mountinfo | sed -E 's/ (shared|master):[0-9]+//g' | sort
  ls -ln /dev /dev/pts | sed -E 's/[A-Z][a-z]{2} +[0-9]+ +[0-9:]+ //'
  uname -n; pwd; env | sort; ip -o link | sed -E 's/mtu.*//'
  ls /sys/fs/cgroup; cat /sys/fs/cgroup/pids/pids.max
  cat /proc/keys | wc -c; ls /proc/acpi /sys/firmware
  readlink /proc/1/cwd /proc/1/root
`;

let bundles: TestBundles;
beforeAll(() => {
  bundles = testBundles();
});
afterAll(() => bundles[Symbol.dispose]());

const RUNC = "/usr/sbin/runc";
const CASES = {
  root: dockerProcess(["sh", "-c", LOOK]),
  "a user with a directory, groups and limits": dockerProcess(["sh", "-c", LOOK], {
    user: { uid: 1000, gid: 1000, additionalGids: [3, 4], umask: 0o027 },
    cwd: "/home/user",
    noNewPrivileges: true,
    oomScoreAdj: 50,
    rlimits: [{ type: "RLIMIT_NOFILE", soft: 512, hard: 1024 }],
  }),
};

describe.skipIf(!hasBusybox || !existsSync(RUNC))("seen from inside, a container is as runc makes it", () => {
  for (const [name, process] of Object.entries(CASES)) {
    test(`for ${name}`, async () => {
      const config = dockerConfig(bundles.root, process);
      const seen = async (runtime: string): Promise<string[]> => {
        const id = `parity-${crypto.randomUUID().slice(0, 8)}`;
        const { output } = await runToEnd(await runtimeFor(runtime), {
          id,
          bundle: bundles.write(id, config),
        });
        return output
          .trimEnd()
          .split("\n")
          .filter((line) => !KNOWN_DIFFERENCES.some((difference) => difference.test(line)));
      };
      expect(await seen("native")).toEqual(await seen(RUNC));
    });
  }
});

/** Lines in which the two differ for a reason. */
const KNOWN_DIFFERENCES: RegExp[] = [
  // Masks: the host's /dev/null and not the container's, and empty directories that hold nothing and run nothing.
  /^\/(proc\/(acpi|keys|timer_list)|sys\/firmware) /,
  // sysfs is one superblock for all containers of a network namespace, so read-only is the mount and not that.
  /^\/sys .* sysfs /,
  // runc 1.1 leaves the directory of the hierarchies writable, and also shows that of systemd.
  /^\/sys\/fs\/cgroup r[ow],/,
  /^(\/sys\/fs\/cgroup\/)?systemd/,
  // Only where the host has /proc/kcore.
  /core -> \/proc\/kcore/,
];

describe.skipIf(!existsSync(RUNC))("an adapter", () => {
  test("says what its runtime says, with Docker's exit code", async () => {
    const id = `adapter-${crypto.randomUUID().slice(0, 8)}`;
    const bundle = bundles.write(id, dockerConfig(bundles.root, dockerProcess(["nope"])));
    const failure = runToEnd(await runtimeFor("runc"), { id, bundle }).catch((error: RuntimeError) => error);
    expect(await failure).toMatchObject({
      message: expect.stringMatching(
        /^OCI runtime create failed: .*exec: "nope": executable file not found in \$PATH$/,
      ),
      exitCode: 127,
    });
    expect(existsSync(`${bundle}/.runc`)).toBe(false);
  });

  test("names the package of a runtime that is missing", async () => {
    const missing = (name: string): Promise<string> =>
      runtimeFor(name).then(String, (error: Error) => error.message);
    expect(await missing("/no/such/crun")).toBe(
      "the OCI runtime /no/such/crun is not installed: install it with: apt install crun",
    );
    expect(await missing("youki-of-nowhere")).toMatch(
      /is not installed: install it, or choose another runtime/,
    );
  });
});
