/** What the OCI specification asks of a runtime, each on the same bundle with the native runtime and with runc. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { RuntimeConfig } from "../spec/oci_runtime.ts";
import {
  dockerConfig,
  dockerProcess,
  hasBusybox,
  runToEnd,
  type TestBundles,
  testBundles,
} from "./_test_bundle.ts";
import { runtimeFor } from "./mod.ts";

const RUNC = "/usr/sbin/runc";
const NAMES = existsSync(RUNC) ? ["native", RUNC] : ["native"];

let bundles: TestBundles;
beforeAll(() => {
  bundles = testBundles();
});
afterAll(() => bundles[Symbol.dispose]());

type Change = (config: RuntimeConfig) => void;
let count = 0;

async function run(runtime: string, script: string, change: Change = () => undefined): Promise<string> {
  const config = dockerConfig(bundles.root, dockerProcess(["sh", "-c", script]));
  change(config);
  const id = `oci-${process.pid}-${count++}`;
  const { output } = await runToEnd(await runtimeFor(runtime), { id, bundle: bundles.write(id, config) });
  return output.trimEnd();
}

describe.skipIf(!hasBusybox)("validation", () => {
  /** Name, what is changed, what is looked at, what is seen. */
  const cases: [string, Change, string, string | RegExp][] = [
    ["hostname", (config) => Object.assign(config, { hostname: "other" }), "hostname", "other"],
    [
      "process_user",
      (config) => Object.assign(config.process.user, { uid: 7, gid: 8, additionalGids: [9, 10] }),
      "id -u; id -g; id -G",
      "7\n8\n8 9 10",
    ],
    ["process_cwd", (config) => Object.assign(config.process, { cwd: "/home/user" }), "pwd", "/home/user"],
    [
      "process_oom_score_adj",
      (config) => Object.assign(config.process, { oomScoreAdj: 123 }),
      "cat /proc/self/oom_score_adj",
      "123",
    ],
    [
      "process_rlimits",
      (config) =>
        Object.assign(config.process, { rlimits: [{ type: "RLIMIT_CORE", soft: 512, hard: 1024 }] }),
      "grep core /proc/self/limits",
      /512 +1024/,
    ],
    [
      "process_capabilities",
      (config) =>
        Object.assign(config.process, {
          capabilities: {
            bounding: ["CAP_KILL"],
            effective: [],
            permitted: [],
            inheritable: [],
            ambient: [],
          },
        }),
      "grep -E 'Cap(Eff|Bnd)' /proc/self/status",
      /CapEff:\s0+20\nCapBnd:\s0+20/,
    ],
    [
      "root_readonly_true",
      (config) => Object.assign(config.root, { readonly: true }),
      "touch /x 2>&1 | grep -c Read-only",
      "1",
    ],
    [
      "linux_sysctl",
      (config) => Object.assign(config.linux, { sysctl: { "net.ipv4.ip_forward": "1" } }),
      "cat /proc/sys/net/ipv4/ip_forward",
      "1",
    ],
    [
      "linux_masked_paths",
      (config) => Object.assign(config.linux, { maskedPaths: ["/etc/passwd", "/home"] }),
      "wc -c </etc/passwd; ls /home | wc -l",
      "0\n0",
    ],
    [
      "linux_readonly_paths",
      (config) => Object.assign(config.linux, { readonlyPaths: ["/home"] }),
      "touch /home/x 2>&1 | grep -c Read-only",
      "1",
    ],
    [
      "linux_devices",
      (config) =>
        Object.assign(config.linux, {
          devices: [{ type: "c", path: "/dev/test", major: 10, minor: 229, fileMode: 438, uid: 3, gid: 4 }],
        }),
      "stat -c '%a %u %g %t %T' /dev/test",
      "666 3 4 a e5",
    ],
    [
      "linux_seccomp",
      (config) =>
        Object.assign(config.linux, {
          seccomp: {
            defaultAction: "SCMP_ACT_ALLOW",
            syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO" }],
          },
        }),
      "mkdir /tmp/new 2>&1 | grep -c permitted; ls /tmp | wc -l",
      "1\n0",
    ],
    [
      "linux_ns_itype",
      (config) =>
        Object.assign(config.linux, {
          namespaces: config.linux.namespaces.filter(({ type }) => type !== "ipc"),
        }),
      "readlink /proc/self/ns/ipc | cut -c1-4",
      "ipc:",
    ],
    ["linux_cgroups_path", () => undefined, "grep -c :pids:/fathom-test-runtime/oci- /proc/self/cgroup", "1"],
    [
      "mounts",
      (config) =>
        void config.mounts.push({
          destination: "/mnt",
          type: "tmpfs",
          source: "tmpfs",
          options: ["size=1m", "noexec", "mode=700"],
        }),
      "grep ' /mnt ' /proc/mounts",
      /tmpfs \/mnt tmpfs rw,noexec,.*size=1024k,mode=700/,
    ],
    [
      "default symlinks and devices",
      () => undefined,
      "readlink /dev/fd; readlink /dev/ptmx; ls /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty | wc -l",
      "/proc/self/fd\npts/ptmx\n6",
    ],
  ];
  for (const runtime of NAMES)
    test.each(cases)(`%s (${runtime.split("/").at(-1)})`, async (_, change, script, seen) => {
      const output = await run(runtime, script, change);
      if (typeof seen === "string") expect(output).toBe(seen);
      else expect(output).toMatch(seen);
    });

  // runc 1.1 knows neither.
  test("personality and I/O priority", async () => {
    const seen = await run("native", "uname -m; ionice -p $$", (config) => {
      config.linux.personality = { domain: "LINUX32" };
      config.process.ioPriority = { class: "IOPRIO_CLASS_BE", priority: 6 };
    });
    expect(seen).toMatch(/^(i686|armv8l)\nbest-effort: prio 6$/);
  });
});

// runc 1.1 knows none of these either.
describe.skipIf(!hasBusybox)("what later versions of the specification ask for", () => {
  const failure = (change: Change): Promise<string> =>
    run("native", "true", change).then(String, (error: Error) => error.message);

  test("a scheduler", async () => {
    const policy = (scheduler: NonNullable<RuntimeConfig["process"]["scheduler"]>) =>
      run("native", "cut -d' ' -f19,41 /proc/self/stat", (config) => {
        config.process.scheduler = scheduler;
      });
    expect(await policy({ policy: "SCHED_BATCH", nice: 5 })).toBe("5 3");
    expect(await policy({ policy: "SCHED_IDLE" })).toBe("0 5");
    expect(await policy({ policy: "SCHED_OTHER", nice: 7, flags: [] })).toBe("7 0");
    expect(
      await failure((config) => Object.assign(config.process, { scheduler: { policy: "FAIR" } })),
    ).toMatch(/^unknown scheduling policy FAIR: it is one of SCHED_OTHER, /);
  });

  test("bind mounts on which files appear as others'", async () => {
    const source = join(bundles.directory, "mapped");
    mkdirSync(join(source, "below"), { recursive: true });
    chownSync(join(source, "below"), 3, 4);
    const mounted = (options: string[], hostID: number) => (config: RuntimeConfig) => {
      const map = [{ containerID: 0, hostID, size: 100 }];
      config.mounts.push({ destination: "/mnt", source, options, uidMappings: map, gidMappings: map });
    };
    const look = "stat -c '%u %g' /mnt /mnt/below; mkdir /mnt/new 2>/dev/null; stat -c '%u %g' /mnt/new";
    expect(await run("native", look, mounted(["bind"], 1000))).toStartWith("1000 1000\n1003 1004");
    const user = (config: RuntimeConfig) => {
      mounted(["rbind", "ridmap"], 1000)(config);
      config.process.user = { uid: 1000, gid: 1000 };
    };
    expect(await run("native", look, user)).toBe("1000 1000\n1003 1004\n1000 1000");
    expect(statSync(join(source, "new")).uid).toBe(0);
    expect(await failure(mounted([], 5))).toContain("the mount at /mnt cannot map owners");
  });

  test("clocks of its own are refused, not passed over", async () => {
    const offset = (secs: number) => (config: RuntimeConfig) => {
      config.linux.timeOffsets = { monotonic: { secs } };
    };
    expect(await failure(offset(5))).toContain("cannot set the clock monotonic");
    expect(await run("native", "echo on", offset(0))).toBe("on");
  });
});

describe.skipIf(!hasBusybox)("hooks", () => {
  const hook = (name: string, body: string): string => {
    const path = join(bundles.directory, name);
    writeFileSync(path, `#!/bin/sh\n${body}\n`);
    chmodSync(path, 0o755);
    return path;
  };

  test.each(NAMES)(
    "poststart and poststop get the state, their arguments and environment (%s)",
    async (runtime) => {
      const log = join(bundles.directory, `log-${count}`);
      const path = hook(`note-${count}`, `echo "$1 $WORD $(cat)" >>${log}`);
      await run(runtime, "sleep 0.2", (config) => {
        const one = (name: string) => [
          { path, args: ["note", name], env: ["WORD=said", "PATH=/bin:/usr/bin"] },
        ];
        config.hooks = { poststart: one("start"), poststop: one("stop") };
      });
      const [started, stopped] = readFileSync(log, "utf8").trim().split("\n");
      expect(started).toMatch(/^start said \{.*"id":"oci-.*"status":"(running|created)"/);
      expect(stopped).toMatch(/^stop said \{.*"id":"oci-.*"status":"stopped"/);
    },
  );

  test("one that fails or takes too long ends the container, and is named", async () => {
    const failing = hook("failing", "exit 3");
    const slow = hook("slow", "exec sleep 60");
    const failure = (poststart: NonNullable<RuntimeConfig["hooks"]>["poststart"] = []) =>
      run("native", "sleep 60", (config) => {
        config.hooks = { poststart };
      }).then(String, (error: Error) => error.message);
    expect(await failure([{ path: failing }])).toBe(`the poststart hook ${failing} ended with status 3`);
    expect(await failure([{ path: slow, env: ["PATH=/bin"], timeout: 1 }])).toBe(
      `the poststart hook ${slow} took longer than 1 s`,
    );
  });

  const MIDST = ["prestart", "createRuntime", "createContainer", "startContainer"] as const;

  test.each(NAMES)(
    "those in the midst of the making run in their order and places, with the state (%s)",
    async (runtime) => {
      // Of the image, for the one that is run in it; the others find the same path on the host.
      const name = `midst-${count}`;
      const path = join(bundles.directory, name);
      const log = join(bundles.directory, `${name}-log`);
      hook(name, `echo "$1 $WORD $$ $(hostname) $(readlink /proc/self/ns/mnt) $(cat)" >>${log}`);
      mkdirSync(join(bundles.root, bundles.directory), { recursive: true });
      const own = join(bundles.root, bundles.directory, name);
      writeFileSync(own, `#!/bin/sh\necho "$1 $WORD $$ $(hostname) $(id -u) $(cat)" >/mnt/inside\n`);
      chmodSync(own, 0o755);
      const shared = join(bundles.directory, `${name}-shared`);
      mkdirSync(shared);
      const output = await run(runtime, "cat /mnt/inside", (config) => {
        config.mounts.push({ destination: "/mnt", type: "bind", source: shared, options: ["bind"] });
        const env = ["WORD=said", "PATH=/bin:/usr/bin"];
        const one = (kind: string) => [{ path, args: ["note", kind], env, timeout: 30 }];
        config.hooks = Object.fromEntries(MIDST.map((kind) => [kind, one(kind)]));
      });
      const lines = readFileSync(log, "utf8").trim().split("\n");
      expect(lines.map((line) => line.split(" ", 2).join(" "))).toEqual([
        "prestart said",
        "createRuntime said",
        "createContainer said",
      ]);
      const [early, runtimeLine = "", inside = ""] = lines;
      const host = readlinkSync("/proc/self/ns/mnt");
      expect(early).toContain(host);
      expect(runtimeLine).toMatch(/"id":"oci-.*"status":"creating","pid":\d{2,}/);
      expect(inside).not.toContain(host);
      expect(inside).toMatch(/ mnt:\S+ \{.*"pid":1[,}]/);
      expect(output).toMatch(/^startContainer said \d+ box 0 \{.*"status":"created".*"pid":1[,}]/);
    },
  );

  test.each(MIDST)("a %s hook that fails ends the start, and what the others did is undone", async (kind) => {
    const undone = join(bundles.directory, `undone-${kind}`);
    const undo = hook(`undo-${kind}`, `echo "$(cat)" >${undone}`);
    const before = readdirSync("/proc/self/fd").length;
    const refused = run("native", "true", (config) => {
      const env = ["PATH=/bin"];
      const path = kind === "startContainer" ? "/bin/false" : "/bin/sh";
      config.hooks = {
        [kind]: [{ path, args: ["sh", "-c", "exit 3"], env }],
        poststop: [{ path: undo, env }],
      };
    });
    const message = await refused.then(String, (error: Error) => error.message);
    expect(message).toMatch(new RegExp(`^the ${kind} hook /bin/(sh|false) ended with status [13]$`));
    expect(readFileSync(undone, "utf8")).toContain('"status":"stopped"');
    await Bun.sleep(20);
    expect(readdirSync("/proc/self/fd").length).toBe(before);
  });

  test("one that takes too long is killed, and one that is missing is named", async () => {
    const failure = (hooks: RuntimeConfig["hooks"]) =>
      run("native", "true", (config) => Object.assign(config, { hooks })).then(
        String,
        (error: Error) => error.message,
      );
    for (const kind of ["createContainer", "startContainer"] as const)
      expect(await failure({ [kind]: [{ path: "/bin/sleep", args: ["sleep", "60"], timeout: 1 }] })).toBe(
        `the ${kind} hook /bin/sleep took longer than 1 s`,
      );
    for (const kind of MIDST) expect(await failure({ [kind]: [{ path: "/no/such" }] })).toContain("/no/such");
  });

  test("a program that is missing is named, behind hooks too", async () => {
    const config = dockerConfig(bundles.root, dockerProcess(["nope"]));
    config.hooks = { prestart: [{ path: "/bin/true" }] };
    const id = `oci-${process.pid}-${count++}`;
    const failed = runToEnd(await runtimeFor("native"), { id, bundle: bundles.write(id, config) });
    expect(await failed.then(String, (error: Error) => error.message)).toContain("executable file not found");
  });

  test("with a user namespace those in the midst are refused, not passed over", async () => {
    const map = [{ containerID: 0, hostID: 100_000, size: 10 }];
    const refused = run("native", "true", (config) => {
      config.hooks = { createContainer: [{ path: "/bin/true" }] };
      config.linux.namespaces.push({ type: "user" });
      Object.assign(config.linux, { uidMappings: map, gidMappings: map });
    });
    expect(await refused.then(String, (error: Error) => error.message)).toContain(
      "can have poststart and poststop hooks only",
    );
  });
});
