import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { closeFd } from "../kernel/mod.ts";
import type { RuntimeConfig } from "../spec/oci_runtime.ts";
import { capture, dockerProcess, hasBusybox, textOf } from "./_test_bundle.ts";
import { type Change, stop, type TestContainers, testContainers } from "./_test_native.ts";
import { native } from "./native.ts";

const MAP = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
const NAMESPACES: RuntimeConfig["linux"]["namespaces"] = [
  { type: "mount" },
  { type: "network" },
  { type: "uts" },
  { type: "pid" },
  { type: "ipc" },
  { type: "user" },
];
const MAPPED: NonNullable<Change["linux"]> = { namespaces: NAMESPACES, uidMappings: MAP, gidMappings: MAP };

let containers: TestContainers;
beforeAll(() => {
  containers = testContainers();
  giveAway(containers.bundles.root);
});
afterAll(() => containers[Symbol.dispose]());

/** The root belongs to the container's root, as the engine's id-mapped layers make it appear. */
function giveAway(directory: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) giveAway(path);
    else lchownSync(path, 100_000, 100_000);
  }
  chownSync(directory, 100_000, 100_000);
}

describe.skipIf(!hasBusybox)("in a user namespace", () => {
  const sh = (script: string, more: Change = {}) =>
    containers.sh(script, { ...more, linux: { ...MAPPED, ...more.linux } });

  test("root inside is a user without power outside", async () => {
    const seen = await sh("id -u; cat /proc/self/uid_map; echo $$; hostname; touch /made; ls -ln /made");
    expect(seen.split(/\s+/).slice(0, 7)).toEqual(["0", "0", "100000", "65536", "1", "box", "-rw-r--r--"]);
    expect(statSync(join(containers.bundles.root, "made"))).toMatchObject({ uid: 100_000, gid: 100_000 });
  });

  test("procfs, sysfs, the terminals and shared memory are its own, and protected as everywhere", async () => {
    const script = `
      for path in /proc /sys /dev /dev/pts /dev/shm /dev/mqueue; do grep -q " $path " /proc/mounts && echo $path; done
      echo x >/dev/null && head -c1 /dev/zero | wc -c; ls -ln /dev/shm | head -1
      touch /dev/shm/a && stat -c %u /dev/shm/a /dev/shm
      cat /proc/keys | wc -c; echo 1 2>/dev/null >/proc/sys/vm/swappiness || echo refused; ls /sys/firmware | wc -l`;
    expect((await sh(script)).trim().split("\n")).toEqual([
      ..."/proc /sys /dev /dev/pts /dev/shm /dev/mqueue".split(" "),
      "1",
      "total 0",
      "0",
      "0",
      "0",
      "refused",
      "0",
    ]);
  });

  test("its clocks are set before it is entered", async () => {
    const timeOffsets = { boottime: { secs: 10_000_000 } };
    const namespaces = [...NAMESPACES, { type: "time" as const }];
    const seen = await sh("cat /proc/uptime", { linux: { namespaces, timeOffsets } });
    expect(Number(seen.split(" ")[0])).toBeGreaterThan(10_000_000);
  });

  test("a bind mount of the host stays the host's: its root's files can be read by all, and written by none", async () => {
    const source = join(containers.bundles.directory, "host");
    mkdirSync(source, { recursive: true });
    writeFileSync(join(source, "secret"), "of root", { mode: 0o600 });
    writeFileSync(join(source, "public"), "for all", { mode: 0o644 });
    const mounts = [{ destination: "/host", type: "bind", source, options: ["rbind"] }];
    const seen = await sh(
      "cat /host/public; cat /host/secret; echo >/host/public; touch /host/new; chown 0 /host/public; stat -c ' %u' /host/public",
      { mounts },
    );
    expect(seen).toMatch(/^for all/);
    expect(seen.match(/Permission denied|Operation not permitted/g)).toHaveLength(4);
    expect(seen).toMatch(/ 65534\n$/);
    expect(readFileSync(join(source, "secret"), "utf8")).toBe("of root");
  });

  test("its root may set up its own network and mount, with the capability, and nothing of the host's", async () => {
    const all = ["CAP_NET_ADMIN", "CAP_SYS_ADMIN", "CAP_MKNOD", "CAP_SYS_TIME"];
    const capabilities = {
      bounding: all,
      effective: all,
      permitted: all,
      inheritable: [],
      ambient: [],
    };
    const script = `
      ip link set lo down && echo network; mkdir -p /tmp/m; mount -t tmpfs none /tmp/m && echo tmpfs
      mknod /dev/disk b 8 0 || echo no device; mount -t sysfs none /tmp/m && echo sysfs
      mount -o remount,rw /sys 2>/dev/null && echo writable; date -s 2001-01-01 2>&1`;
    const seen = await sh(script, { process: { capabilities } });
    expect(seen).toContain("network\ntmpfs\n");
    expect(seen).toContain("no device");
    expect(seen).toContain("set date: Operation not permitted");
    expect(seen).not.toContain("writable");
  });

  test("a program that is not root keeps no power, and its streams are its own", async () => {
    const seen = await sh("id -u; echo again >/dev/stdout; grep CapEff /proc/self/status", {
      process: {
        user: { uid: 1000, gid: 1000 },
        capabilities: { bounding: [], effective: [], permitted: [], inheritable: [], ambient: [] },
      },
    });
    expect(seen).toBe("1000\nagain\nCapEff:\t0000000000000000\n");
  });

  test("limits and the out-of-memory score are set, which only the host's root may raise", async () => {
    const seen = await sh("ulimit -n; cat /proc/self/oom_score_adj", {
      process: { rlimits: [{ type: "RLIMIT_NOFILE", soft: 512, hard: 1024 }], oomScoreAdj: 77 },
    });
    expect(seen).toBe("512\n77\n");
  });

  test("a program that is missing is named, and nothing is left", async () => {
    const error = await containers.failure(["nope"], { linux: MAPPED });
    expect([error.message, error.exitCode]).toEqual([
      'exec: "nope": executable file not found in $PATH',
      127,
    ]);
  });

  test("without maps there is none", async () => {
    const error = await containers.failure(["true"], { linux: { namespaces: NAMESPACES } });
    expect(error.message).toBe("a user namespace needs uidMappings and gidMappings");
  });

  test("an exec enters it, and another container joins it by path with the network", async () => {
    const running = await containers.start(["sleep", "100"], undefined, { linux: MAPPED });
    try {
      const { output } = await capture((streams) =>
        native.exec(
          running,
          dockerProcess(["sh", "-c", "id -u; cat /proc/self/uid_map; ps | wc -l"]),
          streams,
        ),
      );
      expect(output.split(/\s+/).slice(0, 4)).toEqual(["0", "0", "100000", "65536"]);
      const path = (type: string) => `/proc/${running.pid}/ns/${type}`;
      const namespaces: typeof NAMESPACES = [
        { type: "mount" },
        { type: "network", path: path("net") },
        { type: "pid", path: path("pid") },
        { type: "ipc" },
        { type: "user", path: path("user") },
      ];
      const other = await containers.sh(
        "readlink /proc/self/ns/user; readlink /proc/1/ns/user; ps | grep -q 'sleep 100$' && echo seen; ls /sys/class/net",
        { more: { hostname: "" }, linux: { ...MAPPED, namespaces } },
      );
      const [own, joined, ...rest] = other.trim().split("\n");
      expect(own).toBe(joined ?? "none");
      expect(rest).toEqual(["seen", "lo"]);
    } finally {
      await stop(running);
    }
  });

  test("a terminal belongs to the program's user", async () => {
    const script = "tty; stat -c %u $(tty) /dev/console";
    const running = await containers.start(
      ["sh", "-c", script],
      { columns: 80, rows: 25 },
      { linux: MAPPED },
    );
    const terminal = running.terminal ?? -1;
    try {
      expect((await textOf(terminal)).replaceAll("\r", "")).toBe("/dev/pts/0\n0\n0\n");
    } finally {
      closeFd(terminal);
      await stop(running);
    }
  });

  describe("hooks for which the process waits", () => {
    const KINDS = ["prestart", "createRuntime", "createContainer", "startContainer"] as const;
    const one = (script: string) => [
      { path: "/bin/sh", args: ["sh", "-c", script], env: ["PATH=/bin:/usr/bin"], timeout: 30 },
    ];
    const log = (name: string): string => {
      const path = join(containers.bundles.directory, name);
      writeFileSync(path, "");
      chmodSync(path, 0o666);
      // So that a user of the host who is nobody in particular comes to it.
      chmodSync(containers.bundles.directory, 0o711);
      return path;
    };

    test("run in their order and places, the first two as the host's root", async () => {
      const path = log("hooks");
      const note = (kind: string) => one(`echo ${kind} $(id -u) $(cat /proc/self/uid_map) $(cat) >> ${path}`);
      const hooks = {
        prestart: note("prestart"),
        createRuntime: note("createRuntime"),
        createContainer: note("createContainer"),
        startContainer: one("echo $(id -u) $(cat /proc/self/uid_map) $(cat) > /started"),
      };
      const output = await sh("cat /started; hostname", { more: { hooks } });
      const host = /^0 0 0 4294967295 \{.*"status":"creat(?:ed|ing)","pid":\d{2,}/;
      const inside = /^0 0 100000 65536 \{.*"pid":1[,}]/;
      const lines = readFileSync(path, "utf8").trim().split("\n");
      expect(lines.map((line) => line.split(" ")[0])).toEqual(KINDS.slice(0, 3));
      const [first = "", second = "", third = ""] = lines.map((line) => line.slice(line.indexOf(" ") + 1));
      expect(first).toMatch(host);
      expect(second).toMatch(host);
      expect(third).toMatch(inside);
      const [started = "", name] = output.trim().split("\n");
      expect(started).toMatch(inside);
      expect(name).toBe("box");
    });

    test.each(KINDS)("end the start when a %s hook fails, and nothing is left", async (kind) => {
      const path = log(`undone-${kind}`);
      const before = readdirSync("/proc/self/fd").length;
      const hooks = { [kind]: one("exit 3"), poststop: one(`cat > ${path}`) };
      const error = await containers.failure(["true"], { linux: MAPPED, more: { hooks } });
      expect(error.message).toBe(`the ${kind} hook /bin/sh ended with status 3`);
      expect(readFileSync(path, "utf8")).toContain('"status":"stopped"');
      await Bun.sleep(20);
      expect(readdirSync("/proc/self/fd").length).toBe(before);
    });

    test("do not hide why the program cannot be executed", async () => {
      const hooks = { prestart: one("true") };
      const error = await containers.failure(["nope"], { linux: MAPPED, more: { hooks } });
      expect(error.message).toContain("executable file not found");
    });
  });
});
