/** What a container's first process finds around it, side by side with the same under Docker. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { stat, utimes } from "node:fs/promises";
import { type Engine, startDocker, startFathom } from "../harness/mod.ts";

let fathom: Engine;
let docker: Engine;
beforeAll(async () => {
  [fathom, docker] = await Promise.all([startFathom(), startDocker()]);
});
afterAll(async () => {
  await Promise.all([fathom[Symbol.asyncDispose](), docker[Symbol.asyncDispose]()]);
});

/** The output of the same command under both, IDs and host names made equal. */
async function both(script: string, flags: string[] = []): Promise<{ ours: string[]; theirs: string[] }> {
  const show = async (engine: Engine) => {
    const args = [
      "run",
      "--rm",
      "--network",
      "none",
      "--hostname",
      "box",
      ...flags,
      "busybox",
      "sh",
      "-c",
      script,
    ];
    const { stdout, stderr } = await engine.command("docker", args);
    return `${stdout}${stderr}`
      .replaceAll(/[0-9a-f]{64}/g, "ID")
      .trimEnd()
      .split("\n");
  };
  const [ours, theirs] = await Promise.all([show(fathom), show(docker)]);
  return { ours, theirs };
}

interface Mount {
  target: string;
  type: string;
  options: ReadonlySet<string>;
}

/** What a mount allows; left out are sizes and the options that name the host's places. */
const ATTRIBUTES = new Set([
  "rw",
  "ro",
  "nosuid",
  "nodev",
  "noexec",
  "mode=755",
  "gid=5",
  "mode=620",
  "ptmxmode=666",
]);

function mounts(lines: string[]): Mount[] {
  return lines.map((line) => {
    const [, target = "", type = "", options = ""] = line.split(" ");
    return { target, type, options: new Set(options.split(",").filter((option) => ATTRIBUTES.has(option))) };
  });
}

/** Whether a mount allows no more than another of the same place. */
function isAtLeastAsStrict(own: Mount, other: Mount): boolean {
  return [...other.options].every(
    (option) => own.options.has(option) || (option === "rw" && own.options.has("ro")),
  );
}

describe("the first process has, as under Docker,", () => {
  test.each([
    [
      "identity and signals",
      "grep -E '^(Uid|Gid|Groups|Umask|Sig(Blk|Ign|Cgt)|ShdPnd)' /proc/self/status",
      [],
    ],
    ["identity of another user", "grep -E '^(Uid|Gid|Groups)' /proc/self/status", ["-u", "app"]],
    ["capabilities", "grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status", []],
    ["capabilities of another user", "grep -E '^Cap' /proc/self/status", ["-u", "1000"]],
    [
      "capabilities less some",
      "grep -E '^Cap' /proc/self/status",
      ["--cap-drop", "ALL", "--cap-add", "CHOWN"],
    ],
    ["no new privileges", "grep NoNewPrivs /proc/self/status", ["--security-opt", "no-new-privileges"]],
    ["environment", "env | sort", ["-e", "A=1"]],
    [
      "devices",
      "cd /dev; ls -l | grep -v kcore | awk '{print $1, $3, $4, $5, $6}' | sort; ls | grep -v core | sort",
      [],
    ],
    ["a process tree of its own", "echo $$; set -- /proc/[0-9]*; echo $#; cat /proc/sys/kernel/hostname", []],
    ["network devices", "ls /sys/class/net; cat /proc/net/dev | wc -l", []],
    [
      "standard streams",
      "for fd in 0 1 2 3 4 5 6 7 8 9; do test -e /proc/$$/fd/$fd && echo $fd; done; readlink /proc/$$/fd/0",
      [],
    ],
    [
      "its place in the cgroups",
      "cat /proc/self/cgroup | sed 's/^[0-9]*://' | grep -vE '^(net_cls|rdma|misc|hugetlb|perf_event|name=|:)' | sed 's#/.*##' | sort",
      [],
    ],
    ["limits", "ulimit -a | grep -vE 'pending signals|-u:|processes|open files|nofile' ", []],
    [
      "hidden paths",
      "for p in /proc/kcore /proc/keys /proc/timer_list /proc/acpi /sys/firmware; do test -e $p && (ls -l $p | head -c 3; wc -c <$p 2>&1 | head -c 40; echo $p); done",
      [],
    ],
    [
      "read-only paths",
      "for p in /proc/sys/kernel/hostname /proc/sysrq-trigger /sys/kernel/mm; do (echo x >$p/x || echo x >$p) 2>&1 | sed 's/.*: //'; done",
      [],
    ],
    [
      "no right to mount",
      "mount -t tmpfs x /tmp 2>&1; mknod /tmp/sda b 8 0 && cat /tmp/sda 2>&1 | tail -1",
      [],
    ],
    ["no way to the kernel's keys or tracing", "unshare -U true 2>&1 | tail -1; dmesg 2>&1 | tail -1", []],
    ["a read-only root", "touch /x 2>&1; touch /dev/shm/x && echo ok", ["--read-only"]],
    [
      "files of its name",
      "cat /etc/hostname; ls -l /etc/hosts /etc/resolv.conf | awk '{print $1, $3, $4}'",
      [],
    ],
  ] as [string, string, string[]][])("%s", async (_, script, flags) => {
    const { ours, theirs } = await both(script, flags);
    expect(ours).toEqual(theirs);
    expect(theirs.join("")).not.toBe("");
  });

  test("mounts, each as strict or stricter", async () => {
    const { ours, theirs } = await both("cat /proc/self/mounts");
    const own = mounts(ours);
    expect(theirs.length).toBeGreaterThan(10);
    // systemd's own hierarchy controls nothing; a container is given those that do.
    const wanted = mounts(theirs).filter(({ target }) => target !== "/sys/fs/cgroup/systemd");
    const places = own.map(({ target }) => target);
    expect(wanted.map(({ target }) => target).filter((target) => !places.includes(target))).toEqual([]);
    const weaker = wanted.filter(
      (other) => !own.some((mount) => mount.target === other.target && isAtLeastAsStrict(mount, other)),
    );
    expect(weaker.map(({ target, type, options }) => `${type} ${target} ${[...options]}`)).toEqual([]);
    // More may be hidden than Docker 20.10 hid, nothing else be added.
    const more = places.filter((place) => !wanted.some(({ target }) => target === place));
    expect(more.filter((place) => !/^\/(proc|sys)\//.test(place))).toEqual([]);
  });
});

test("a masked path is no way to change the host's /dev/null", async () => {
  const before = await stat("/dev/null");
  await both("touch -d '2001-01-01 00:00:00' /proc/keys /proc/timer_list; chmod u+rw /proc/keys; true");
  const after = await stat("/dev/null");
  await utimes("/dev/null", before.atime, before.mtime);
  expect(after.mtimeMs).toBe(before.mtimeMs);
});

test("no descriptor, variable or file of the engine is seen inside", async () => {
  const fds = "ls -l /proc/1/fd | grep -vE 'pipe:|/dev/null|^total|-> /proc/1/fd$'";
  const variables = "tr '\\0' '\\n' </proc/1/environ | grep -i -E 'bun|fathom'";
  const files = "ls -a / | grep -i -E 'fathom'";
  const { ours } = await both(`${fds}; ${variables}; ${files}`);
  expect(ours.filter((line) => line !== "")).toEqual([]);
});
