/**
 * What the OCI project's validation programs look at from inside: each configures one thing, and a program in the container says
 * what it finds. Named as those programs are; where one tries several things, the rest of the name says which.
 */

import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Change } from "./_oci_bundle.ts";
import { fails, type Replay, so, works } from "./_oci_life.ts";

interface Inside {
  name: string;
  change: Change;
  /** A shell's script that is run in the container. */
  look: string;
  /** What it writes, without the last newline; `refused`: the container cannot be created or started. */
  seen: string | RegExp | "refused";
}

const GIGABYTE = 2 ** 30;
/** proc(5): the fifth field of mountinfo is where a mount is. */
const ROOT_MOUNT = "grep -E '^([^ ]+ ){4}/ ' /proc/self/mountinfo";
/** As the validation's own program finds a path unreadable. */
const unread = (path: string) =>
  `[ ! -e ${path} ] || if [ -d ${path} ]; then ls -A ${path}; else head -c 1 ${path}; fi`;
const unwritten = (path: string) =>
  `if [ -d ${path} ]; then touch ${path}/new; else (: >> ${path}); fi 2>/dev/null && echo written to ${path}`;

const LAYOUT = ["/dir", "/file", "/dir/sub", "/dir/file", "/dir/sub/file"];
function layOut(rootfs: string): void {
  mkdirSync(join(rootfs, "dir/sub"), { recursive: true });
  for (const name of ["file", "dir/file", "dir/sub/file", "dir/sub/other"])
    writeFileSync(join(rootfs, name), "secret");
}

const LETTERS = { b: "a block device", c: "a character device", p: "a pipe" } as const;

/** The same for both kinds of paths that are kept from a program. */
const kept = (
  program: string,
  field: "maskedPaths" | "readonlyPaths",
  look: (path: string) => string,
): Inside[] => [
  {
    name: program,
    change: (config, { rootfs }) => {
      layOut(rootfs);
      config.linux[field] = LAYOUT;
    },
    look: `${LAYOUT.map(look).join("\n")}\necho end`,
    seen: "end",
  },
  {
    name: `${program}: a relative path`,
    change: (config, { rootfs }) => {
      layOut(rootfs);
      config.linux[field] = ["dir"];
    },
    look: "true",
    seen: "refused",
  },
  {
    name: `${program}: a link to itself`,
    change: (config, { rootfs }) => {
      symlinkSync("../loop", join(rootfs, "loop"));
      config.linux[field] = ["/loop"];
    },
    look: "true",
    seen: "refused",
  },
  ...(["b", "c", "p"] as const).map(
    (letter): Inside => ({
      name: `${program}: ${LETTERS[letter]}`,
      change: (config, { rootfs }) => {
        const numbers = letter === "p" ? [] : ["0", "0"];
        Bun.spawnSync(["mknod", "-m", "666", join(rootfs, "device"), letter, ...numbers]);
        config.linux[field] = ["/device"];
      },
      look: field === "maskedPaths" ? "head -c 1 /device; echo end" : "ls -l /device | cut -c1",
      seen: field === "maskedPaths" ? "end" : letter,
    }),
  ),
];

const limits: [string, number, number][] = [
  ["AS", 2 * GIGABYTE, GIGABYTE],
  ["CORE", 4 * GIGABYTE, 3 * GIGABYTE],
  ["DATA", 6 * GIGABYTE, 5 * GIGABYTE],
  ["FSIZE", 8 * GIGABYTE, 7 * GIGABYTE],
  ["STACK", 10 * GIGABYTE, 9 * GIGABYTE],
  ["CPU", 120, 60],
  ["NOFILE", 4000, 3000],
];

const DEVICES = [
  { type: "c", path: "/dev/test1", major: 10, minor: 666, fileMode: 432, uid: 0, gid: 0 },
  { type: "b", path: "/dev/test2", major: 8, minor: 666, fileMode: 432, uid: 0, gid: 0 },
  { type: "p", path: "/dev/test3", major: 8, minor: 666, fileMode: 432 },
] as const;

const propagation = (rootfsPropagation: string, look: string, seen: string | RegExp): Inside => ({
  name: `linux_rootfs_propagation: ${rootfsPropagation}`,
  change: (config) => {
    config.linux.rootfsPropagation = rootfsPropagation;
  },
  look,
  seen,
});

const mapped = (ids: "uidMappings" | "gidMappings", name: string): Inside => ({
  name,
  change: (config, { bundle }) => {
    Bun.spawnSync(["chmod", "-R", "a+rX", bundle]);
    const map = [{ hostID: 1000, containerID: 0, size: 3200 }];
    config.linux.namespaces.push({ type: "user" });
    config.linux.uidMappings = map;
    config.linux.gidMappings = map;
    // The device of a terminal is given to a group that is not mapped by default.
    config.linux.resources = {};
  },
  look: `cat /proc/self/${ids.slice(0, 3)}_map`,
  seen: /^\s*0\s+1000\s+3200$/,
});

const LOOKS: readonly Inside[] = [
  {
    name: "default",
    change: () => undefined,
    look: `for link in fd stdin stdout stderr; do readlink /dev/$link; done
      for device in null zero full random urandom tty ptmx; do [ -c /dev/$device ] || echo no $device; done
      hostname; pwd; grep -c ' /proc proc ' /proc/mounts; ls -d /dev/pts /dev/shm /dev/mqueue /sys/kernel`,
    seen: "/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2\nmrsdalloway\n/\n1\n/dev/mqueue\n/dev/pts\n/dev/shm\n/sys/kernel",
  },
  {
    name: "hostname",
    change: (config) => {
      config.hostname = "hostname-specific";
    },
    look: "hostname",
    seen: "hostname-specific",
  },
  {
    name: "hostname: none",
    change: (config) => {
      config.hostname = "";
    },
    look: "hostname >/dev/null && echo on",
    seen: "on",
  },
  {
    name: "mounts",
    change: (config) => {
      const options = ["nosuid", "strictatime", "mode=755", "size=1k"];
      config.mounts.push({ destination: "/tmp", type: "tmpfs", source: "tmpfs", options });
    },
    look: "grep ' /tmp ' /proc/mounts",
    seen: /^tmpfs \/tmp tmpfs rw,nosuid/,
  },
  {
    name: "process",
    change: (config, { rootfs }) => {
      mkdirSync(join(rootfs, "test"), { mode: 0o700 });
      config.process.cwd = "/test";
      config.process.env.push("testa=valuea", "testb=123");
    },
    look: "pwd; echo $testa $testb",
    seen: "/test\nvaluea 123",
  },
  {
    name: "process_capabilities",
    change: (config) => {
      const one = ["CAP_KILL", "CAP_CHOWN"];
      config.process.capabilities = {
        bounding: one,
        effective: one,
        permitted: one,
        inheritable: [],
        ambient: [],
      };
    },
    look: "grep -E '^Cap' /proc/self/status",
    seen: /^CapInh:\t0+\nCapPrm:\t0+21\nCapEff:\t0+21\nCapBnd:\t0+21\nCapAmb:\t0+$/,
  },
  {
    name: "process_capabilities: ambient",
    change: () => undefined,
    look: "grep -E '^Cap' /proc/self/status | cut -f2 | head -n 5 | grep -c 00000000a80425fb",
    seen: "5",
  },
  {
    name: "process_capabilities_fail",
    change: (config) => void config.process.capabilities?.bounding.push("CAP_TEST"),
    look: "true",
    seen: "refused",
  },
  {
    name: "process_oom_score_adj",
    change: (config) => {
      config.process.oomScoreAdj = 500;
    },
    look: "cat /proc/self/oom_score_adj",
    seen: "500",
  },
  {
    name: "process_rlimits",
    change: (config) => {
      config.process.rlimits = limits.map(([type, hard, soft]) => ({ type: `RLIMIT_${type}`, hard, soft }));
    },
    look: "grep -E 'address|core|data|file size|stack|cpu|open' /proc/self/limits | grep -oE '[0-9]+ +[0-9]+'",
    seen: new RegExp(
      ["CPU", "FSIZE", "DATA", "STACK", "CORE", "NOFILE", "AS"]
        .map((type) => limits.find(([name]) => name === type))
        .map((found) => `${found?.[2]} +${found?.[1]}`)
        .join("\\n"),
    ),
  },
  {
    name: "process_rlimits_fail",
    change: (config) => {
      config.process.rlimits = [{ type: "RLIMIT_TEST", hard: 1024, soft: 1024 }];
    },
    look: "true",
    seen: "refused",
  },
  {
    name: "process_user",
    change: (config) => {
      config.process.user = { uid: 10, gid: 10, additionalGids: [5], umask: 2 };
    },
    look: "id -u; id -g; id -G; umask",
    seen: "10\n10\n10 5\n0002",
  },
  {
    name: "linux_process",
    change: (config) => {
      config.process.oomScoreAdj = 500;
      config.process.noNewPrivileges = true;
    },
    look: "cat /proc/self/oom_score_adj; grep NoNewPrivs /proc/self/status",
    seen: "500\nNoNewPrivs:\t1",
  },
  {
    name: "root_readonly_true",
    change: (config) => {
      config.root.readonly = true;
    },
    look: "touch /new 2>/dev/null || echo kept",
    seen: "kept",
  },
  {
    name: "linux_devices",
    change: (config) => {
      config.linux.devices = DEVICES.map((device) => ({ ...device }));
    },
    look: "stat -c '%n %F %a %u %g %t %T' /dev/test1 /dev/test2; stat -c '%n %F %a' /dev/test3",
    seen: "/dev/test1 character special file 660 0 0 a 29a\n/dev/test2 block special file 660 0 0 8 29a\n/dev/test3 fifo 660",
  },
  ...kept("linux_masked_paths", "maskedPaths", unread),
  ...kept("linux_readonly_paths", "readonlyPaths", unwritten),
  propagation("shared", `${ROOT_MOUNT} | grep -c shared:`, "1"),
  propagation("slave", `${ROOT_MOUNT} | grep -c shared:`, "0"),
  propagation("private", `${ROOT_MOUNT} | grep -cE 'shared:|master:|unbindable'`, "0"),
  propagation("unbindable", `${ROOT_MOUNT} | grep -c unbindable`, "1"),
  {
    name: "linux_seccomp",
    change: (config) => {
      config.linux.seccomp = {
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO" }],
      };
    },
    look: "mkdir /tmp/new 2>/dev/null || echo kept",
    seen: "kept",
  },
  {
    name: "linux_sysctl",
    change: (config) => {
      config.linux.sysctl = { "net.ipv4.ip_forward": "1" };
    },
    look: "cat /proc/sys/net/ipv4/ip_forward",
    seen: "1",
  },
  mapped("uidMappings", "linux_uid_mappings"),
  mapped("gidMappings", "linux_gid_mappings"),
  {
    name: "misc_props: an unknown annotation",
    change: (config) => {
      config.annotations = { "org.unknown": "" };
    },
    look: "echo on",
    seen: "on",
  },
  {
    name: "misc_props: an unknown property",
    change: (config) => void Object.assign(config, { unknown: "unknown" }),
    look: "echo on",
    seen: "on",
  },
  {
    name: "misc_props: no version",
    change: (config) => {
      config.ociVersion = "invalid";
    },
    look: "true",
    seen: "refused",
  },
];

function asReplay({ name, change, look, seen: expected }: Inside): Replay {
  return {
    name,
    async play(make) {
      const container = make((config, place) => {
        config.process.args = ["sh", "-c", look];
        change(config, place);
      });
      const created = await container.create();
      if (expected === "refused") {
        if (created.status === 0) await fails("start", container.tell("start"));
        return;
      }
      await works("create", Promise.resolve(created));
      await works("start", container.tell("start"));
      await container.until("stopped");
      const output = container.output().trimEnd();
      const right = typeof expected === "string" ? output === expected : expected.test(output);
      so(right, `it writes ${expected}, not ${JSON.stringify(output)}`);
    },
  };
}

export const INSIDE: readonly Replay[] = LOOKS.map(asReplay);
