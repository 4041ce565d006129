/**
 * Known ways out of containers, tried: each is a real attempt at what the CVE describes, and must lead nowhere.
 *
 * Those of copying files and of mounts made over links while they are resolved have their own suites.
 */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, readlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Engine, run, startFathom } from "../harness/mod.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await startFathom();
});
afterEach(() => engine.removeContainers());
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
});

const NONE = ["--network", "none"];
const docker = (...args: string[]) => engine.output("docker", args);
const command = (...args: string[]) => engine.command("docker", args);
const started = (...args: string[]) => docker("run", "-d", ...NONE, ...args);
const sh = async (flags: string[], script: string) => {
  const { stdout, stderr } = await command("run", "--rm", ...NONE, ...flags, "busybox", "sh", "-c", script);
  return `${stdout}${stderr}`;
};

/** An image on top of busybox, with what a script changes in it. */
async function image(name: string, script: string): Promise<void> {
  const id = await started(
    "busybox",
    "sh",
    "-c",
    `${script}; tar -c -f /image.tar bin etc tmp evil 2>/dev/null; sleep 600`,
  );
  const archive = join(engine.dataRoot, "containers", id, "rw", "image.tar");
  await docker("exec", id, "sh", "-c", "until [ -s /image.tar ]; do sleep 0.1; done; sleep 0.2");
  await docker("import", archive, name);
  await docker("rm", "-f", id);
}

const digest = async (path: string): Promise<string> =>
  createHash("sha256")
    .update(await readFile(path))
    .digest("hex");

describe("CVE-2019-5736: overwriting the runtime by way of /proc/self/exe", () => {
  /** The programs of ours that a container could come by. */
  const executables = async (): Promise<string[]> => {
    return [await readlink(`/proc/${engine.pid}/exe`)];
  };

  test("an entrypoint that is its own interpreter only ever finds the image's program", async () => {
    await image("self", "mkdir /evil; printf '#!/proc/self/exe\\n' >/evil/run; chmod 755 /evil/run");
    const before = await Promise.all((await executables()).map(digest));
    const { status, stderr } = await command("run", "--rm", ...NONE, "self", "/evil/run");
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/exec \/evil\/run|\/proc\/self\/exe/);
    expect(await Promise.all((await executables()).map(digest))).toEqual(before);
  });

  test("a process that enters shows no program of the host to those who watch for it", async () => {
    const watch = `
      while [ ! -e /stop ]; do
        for exe in /proc/[0-9]*/exe; do
          target=$(readlink $exe) || continue
          case $target in /bin/busybox|"") ;; *) echo "$exe $target"; (echo owned >>$exe) 2>&1 ;; esac
        done
      done; echo watched`;
    const id = await started("--cap-add", "SYS_PTRACE", "busybox", "sh", "-c", watch);
    const [program = ""] = await executables();
    const before = await digest(program);
    for (let turn = 0; turn < 10; turn++) await docker("exec", id, "true");
    await docker("exec", id, "touch", "/stop");
    await docker("wait", id);
    const seen = (await docker("logs", id)).split("\n");
    expect(seen.at(-1)).toBe("watched");
    // What it may see of a process that is on its way in: a name. Neither to read nor to write.
    expect(
      seen.filter((line) => !/^watched$|^\/proc\/\d+\/exe \S+$|nonexistent|denied|No such|busy/i.test(line)),
    ).toEqual([]);
    expect(await digest(program)).toBe(before);
  });
});

describe("CVE-2024-21626: a working directory that is an open descriptor of the host's", () => {
  const descriptors = Array.from({ length: 12 }, (_, index) => index + 3);

  test("of run leads nowhere", async () => {
    for (const fd of descriptors) {
      const { status, stdout } = await command(
        "run",
        "--rm",
        ...NONE,
        "-w",
        `/proc/self/fd/${fd}`,
        "busybox",
        "pwd",
      );
      expect([status === 0, stdout]).toEqual([false, ""]);
    }
  });

  test("of exec leads nowhere, by a link of the image's either", async () => {
    const id = await started("busybox", "sleep", "600");
    for (const fd of descriptors) {
      await docker("exec", id, "ln", "-sfn", `/proc/self/fd/${fd}`, "/link");
      for (const place of [`/proc/self/fd/${fd}`, "/link", "/link/../../.."]) {
        const { status, stdout } = await command(
          "exec",
          "-w",
          place,
          id,
          "sh",
          "-c",
          "ls -d ../../etc/shadow",
        );
        expect(status).not.toBe(0);
        expect(stdout).not.toMatch(/^\.\.\//m);
      }
    }
  });

  test("a program finds no descriptor but its three streams", async () => {
    const id = await started("busybox", "sleep", "600");
    const list = [
      "sh",
      "-c",
      "for fd in /proc/self/fd/*; do readlink $fd; done | grep -v -e pipe: -e /dev/null -e socket:; true",
    ];
    const here = /^\/proc\/\d+\/fd$|^$/;
    expect(await docker("exec", id, ...list)).toMatch(here);
    expect(await docker("run", "--rm", ...NONE, "busybox", ...list)).toMatch(here);
  });
});

describe("CVE-2025-31133: a masked path covered by what the image calls /dev/null", () => {
  test("hides the path all the same", async () => {
    await image(
      "null",
      "mkdir -p /evil /dev; rm -rf /evil/dev; mkdir /evil/dev; ln -s /proc/sys/kernel/core_pattern /evil/dev/null",
    );
    const before = await readFile("/proc/sys/kernel/core_pattern", "utf8");
    const script =
      "cat /proc/keys | wc -c; ls -l /dev/null | cut -c1; (echo '|/evil' >/proc/keys); (echo '|/evil' >/proc/sys/kernel/core_pattern); cat /proc/sys/kernel/core_pattern";
    const { stdout } = await command("run", "--rm", ...NONE, "null", "sh", "-c", script);
    expect(stdout).toBe(`0\nc\n${before}`);
    expect(await readFile("/proc/sys/kernel/core_pattern", "utf8")).toBe(before);
  });

  test("hides it where /dev is a directory of the host's that somebody fills with links", async () => {
    const dev = join(engine.root, "dev");
    await run([
      "sh",
      "-c",
      `mkdir -p ${dev} && ln -sfn /proc/sysrq-trigger ${dev}/null && ln -sfn /proc/sysrq-trigger ${dev}/console`,
    ]);
    const seen = await sh(
      ["-v", `${dev}:/dev`],
      "wc -c </proc/keys; ls -l /proc/keys | cut -c1; (echo x >/proc/sys/kernel/core_pattern)",
    );
    expect(seen).toMatch(/^0\nc\n/);
    expect(seen).toMatch(/Read-only file system/);
  });
});

describe("CVE-2025-52565: /dev/console bound over a link of the image's", () => {
  test("is a file of its own in a /dev that no image has a part in", async () => {
    const script =
      "ls -l /dev/console | cut -c1; grep -c ' /proc/sys ' /proc/mounts; (echo x >/proc/sys/kernel/core_pattern)";
    await using terminal = engine.terminal("docker", [
      "run",
      "--rm",
      "-t",
      ...NONE,
      "busybox",
      "sh",
      "-c",
      script,
    ]);
    await terminal.exited;
    expect(terminal.output.replaceAll("\r", "")).toMatch(/^c\n1\n.*Read-only file system/s);
  });

  test("with a /dev of the host's full of links, no terminal is bound where they lead", async () => {
    const dev = join(engine.root, "dev-console");
    await run(["sh", "-c", `mkdir -p ${dev} && ln -sfn /proc/sys/kernel/core_pattern ${dev}/console`]);
    const before = await readFile("/proc/sys/kernel/core_pattern", "utf8");
    const { stdout } = await command(
      "run",
      "--rm",
      ...NONE,
      "-t",
      "-v",
      `${dev}:/dev`,
      "busybox",
      "cat",
      "/proc/sys/kernel/core_pattern",
    );
    expect(["", before]).toContain(stdout.replaceAll("\r", ""));
  });
});

describe("CVE-2025-52881: writes to procfs led astray by mounts that are shared", () => {
  test("limits, scores and sysctls are written, whatever lies over /proc", async () => {
    const directory = join(engine.root, "fake-proc");
    await run([
      "sh",
      "-c",
      `mkdir -p ${directory}/sys/net/ipv4 ${directory}/self && touch ${directory}/self/oom_score_adj ${directory}/sys/net/ipv4/ip_default_ttl`,
    ]);
    const flags = ["--sysctl", "net.ipv4.ip_default_ttl=77", "--oom-score-adj", "77"];
    const seen = await sh(
      [...flags, "-v", `${directory}:/proc`],
      "mkdir /p; cat /proc/self/oom_score_adj /proc/sys/net/ipv4/ip_default_ttl; ls /proc",
    );
    expect(seen).not.toContain("77");
    expect(await readFile(join(directory, "self/oom_score_adj"), "utf8")).toBe("");
    expect(await readFile(join(directory, "sys/net/ipv4/ip_default_ttl"), "utf8")).toBe("");
    expect(await sh(flags, "cat /proc/self/oom_score_adj /proc/sys/net/ipv4/ip_default_ttl")).toBe(
      "77\n77\n",
    );
  });

  test("a link in place of /proc is not followed", async () => {
    await image("proc-link", "mkdir -p /evil/p; true");
    const directory = join(engine.root, "over-proc");
    await run(["sh", "-c", `mkdir -p ${directory}`]);
    const { stdout } = await command(
      ...[
        "run",
        "--rm",
        ...NONE,
        "-v",
        `${directory}:/evil/p`,
        "proc-link",
        "grep",
        "-c",
        " /proc proc ",
        "/proc/mounts",
      ],
    );
    expect(stdout).toBe("1\n");
  });
});

describe("CVE-2020-15257: sockets of the engine in the abstract namespace", () => {
  test("there are none for a container on the host's network to find", async () => {
    const own = await sh(["--network", "host"].slice(0, 0), "cat /proc/net/unix");
    expect(own).not.toMatch(/@|fathom/);
    const { stdout } = await command("run", "--rm", "--network", "host", "busybox", "cat", "/proc/net/unix");
    expect(stdout).toContain("Inode");
    const names = stdout.split("\n").map((line) => line.trim().split(/\s+/)[7] ?? "");
    expect(names.filter((name) => name.startsWith("@") && /fathom|shim|container/.test(name))).toEqual([]);
    const paths = names.filter((name) => name.startsWith(engine.root));
    expect(paths.length).toBeGreaterThan(0);
    for (const path of paths) expect(await sh([], `ls ${path}`)).toContain("No such file or directory");
  });
});

const HAS_COMPILER = existsSync("/usr/bin/gcc");

describe.skipIf(!HAS_COMPILER)("CVE-2016-9962: tracing the process that enters", () => {
  /** Tries, for as long as it is there, to trace, read and look into every process but its own. */
  const HUNTER = `
    #include <dirent.h>
    #include <fcntl.h>
    #include <stdio.h>
    #include <stdlib.h>
    #include <string.h>
    #include <sys/ptrace.h>
    #include <sys/stat.h>
    #include <unistd.h>
    int main(void) {
      char path[300], target[300];
      int fd = open("/ready", O_CREAT | O_WRONLY, 0600);
      close(fd);
      while (access("/stop", F_OK) != 0) {
        DIR *proc = opendir("/proc");
        struct dirent *entry;
        while ((entry = readdir(proc)) != NULL) {
          int pid = atoi(entry->d_name);
          if (pid <= 1 || pid == getpid()) continue;
          snprintf(path, sizeof path, "/proc/%d/root/etc/shadow", pid);
          if (access(path, F_OK) == 0) printf("reached the root of the host through %d\\n", pid);
          for (int number = 3; number < 40; number++) {
            snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, number);
            ssize_t length = readlink(path, target, sizeof target - 1);
            if (length <= 0) continue;
            target[length] = 0;
            if (strncmp(target, "/", 1) == 0 && strncmp(target, "/proc", 5) != 0 && strncmp(target, "/dev", 4) != 0) printf("saw a descriptor of the host: %s\\n", target);
          }
          char name[300];
          snprintf(target, sizeof target, "/proc/%d/exe", pid);
          ssize_t length = readlink(target, name, sizeof name - 1);
          if (length > 0) {
            name[length] = 0;
            if (strncmp(name, "/bin/", 5) != 0 && strcmp(name, "/hunter") != 0) {
              printf("%s is in sight\\n", name);
              snprintf(path, sizeof path, "/proc/%d/mem", pid);
              fd = open(path, O_RDWR);
              if (fd >= 0) close(fd);
              if (fd >= 0) printf("opened its memory\\n");
              int kept = open(target, O_RDONLY);
              if (open(target, O_RDWR) >= 0) printf("opened the host's program to write\\n");
              snprintf(target, sizeof target, "/proc/self/fd/%d", kept);
              if (kept >= 0 && open(target, O_RDWR) >= 0) printf("opened the host's program to write\\n");
            }
          }
        }
        closedir(proc);
        fflush(stdout);
      }
      puts("hunted");
      return 0;
    }`;

  /** What it has found after a number of commands have entered. */
  const hunt = async (...flags: string[]): Promise<string[]> => {
    const source = join(engine.root, "hunter.c");
    const program = join(engine.root, "hunter");
    await writeFile(source, HUNTER);
    const built = await run(["gcc", "-static", "-O1", "-w", "-o", program, source]);
    expect(built).toMatchObject({ status: 0, stderr: "" });
    const id = await started(
      ...[
        ...flags,
        "--security-opt",
        "seccomp=unconfined",
        "-v",
        `${program}:/hunter:ro`,
        "busybox",
        "/hunter",
      ],
    );
    await docker("exec", id, "sh", "-c", "until [ -e /ready ]; do sleep 0.05; done");
    for (let turn = 0; turn < 20; turn++) await docker("exec", id, "true");
    await docker("exec", id, "touch", "/stop");
    await docker("wait", id);
    return [...new Set((await docker("logs", id)).split("\n"))];
  };

  test("leads nowhere with the default capabilities: not even its name is to be read", async () => {
    expect(await hunt()).toEqual(["hunted"]);
  });

  test("with CAP_SYS_PTRACE leads to no file, no descriptor and no program of the host's", async () => {
    const seen = await hunt("--cap-add", "SYS_PTRACE");
    expect(seen.filter((line) => !/is in sight$|^opened its memory$/.test(line))).toEqual(["hunted"]);
  });
});

describe("CVE-2022-0492: a release agent of control groups that runs as root of the host", () => {
  const ESCAPE = `
    mkdir -p /tmp/c
    for type in memory rdma pids cpu; do mount -t cgroup -o $type cgroup /tmp/c && mounted=1 && break; done
    [ -n "$mounted" ] && mkdir -p /tmp/c/x && echo 1 >/tmp/c/x/notify_on_release && echo /evil >/tmp/c/release_agent && echo escaped`;

  test("cannot be set with the default capabilities", async () => {
    expect(await sh([], ESCAPE)).not.toContain("escaped");
    expect(await sh(["--cgroupns", "private"], ESCAPE)).not.toContain("escaped");
  });

  test("nor by a user namespace of the container's making", async () => {
    const seen = await sh(["--security-opt", "apparmor=unconfined"], `unshare -U -r -m sh -c '${ESCAPE}'`);
    expect(seen).toMatch(/unshare.*: Operation not permitted/);
    expect(seen).not.toContain("escaped");
  });

  test("nor at the files of its own groups", async () => {
    const seen = await sh(
      [],
      "for f in $(find /sys/fs/cgroup -name release_agent -o -name notify_on_release); do (echo 1 >$f) && echo escaped; done; touch /sys/fs/cgroup/memory/x && echo escaped; true",
    );
    expect(seen).toContain("Read-only file system");
    expect(seen).not.toContain("escaped");
  });
});
