import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { closeFd, exited, reap, recording, writeAll } from "../kernel/mod.ts";
import type { Process } from "../spec/oci_runtime.ts";
import type { Step } from "../spec/receipt.ts";
import { capture, dockerProcess, hasBusybox, type Outcome, textOf } from "./_test_bundle.ts";
import { stop, type TestContainers, testContainers } from "./_test_native.ts";
import { native } from "./native.ts";
import type { Running, RuntimeError } from "./runtime.ts";

let containers: TestContainers;
beforeAll(() => {
  containers = testContainers();
});
afterAll(() => containers[Symbol.dispose]());

describe.skipIf(!hasBusybox)("a terminal", () => {
  test("is the container's own, of the size asked for, and its session's", async () => {
    const running = await containers.start(
      ["sh", "-c", "tty; stty size; ls -l /dev/console; cat /proc/self/stat; read x; echo got $x"],
      { columns: 91, rows: 17 },
    );
    const terminal = running.terminal ?? -1;
    try {
      await writeAll(terminal, new TextEncoder().encode("hello\n"));
      const output = await textOf(terminal);
      expect(output).toMatch(/^(hello\r\n)?\/dev\/pts\/0\r\n/);
      expect(output).toContain("17 91\r\n");
      expect(output).toMatch(/crw--w---- .* 136, +0 .*\/dev\/console/);
      expect(output).toContain("got hello\r\n");
      const [, , , group, session, controlling] = /\(cat\) .*/.exec(output)?.[0].split(" ") ?? [];
      expect(session).toBe("1");
      expect(controlling).toBe("34816");
      expect(Number(group)).toBeGreaterThan(0);
    } finally {
      closeFd(terminal);
      await stop(running);
    }
  });
});

describe.skipIf(!hasBusybox)("an exec", () => {
  let running: Running;
  beforeAll(async () => {
    running = await containers.start(["sleep", "600"]);
  });
  afterAll(() => stop(running));

  const exec = (args: readonly string[], more?: Partial<Process>): Promise<Outcome> =>
    capture((streams) => native.exec(running, dockerProcess(args, more), streams));

  test("is in all of the container's namespaces and groups", async () => {
    const script =
      "for n in mnt pid uts ipc net; do readlink /proc/self/ns/$n; readlink /proc/1/ns/$n; done; cat /proc/self/cgroup; ps";
    const { output, ending } = await exec(["sh", "-c", script]);
    const links = output.match(/^\w+:\[\d+\]$/gm) ?? [];
    expect(links.length).toBe(10);
    expect(new Set(links).size).toBe(5);
    expect(output).toMatch(/:memory:\/fathom-test-runtime\/native-/);
    expect(output).toMatch(/1 root +sleep 600/);
    expect(ending).toEqual({ exitCode: 0 });
  });

  test("has its own user, directory, filter and three descriptors", async () => {
    const script = "id; pwd; ls -l /proc/$$/fd; cat /proc/self/status; echo $HOME";
    const { output } = await exec(["sh", "-c", script], {
      user: { uid: 1000, gid: 1000 },
      cwd: "/tmp",
      noNewPrivileges: true,
    });
    expect(output).toStartWith("uid=1000(user) gid=1000\n/tmp\n");
    expect(output.match(/ -> /g)?.length).toBe(3);
    expect(output).toMatch(/CapEff:\t0{16}\nCapBnd:\t00000000a80425fb/);
    expect(output).toMatch(/NoNewPrivs:\t1\nSeccomp:\t2/);
    expect(output).toEndWith("/home/user\n");
  });

  test("that cannot be executed says why, and the container goes on", async () => {
    const error = await exec(["nope"]).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      message: 'exec: "nope": executable file not found in $PATH',
      exitCode: 127,
    });
    expect((await exec(["true"])).ending).toEqual({ exitCode: 0 });
  });

  test("in a directory that is not there, or is a file, says so, and makes none", async () => {
    const said = async (cwd: string) =>
      exec(["pwd"], { cwd }).catch((error: RuntimeError) => [error.message, error.exitCode]);
    expect(await said("/absent")).toEqual([
      'chdir to cwd ("/absent") set in config.json failed: no such file or directory',
      126,
    ]);
    expect(await said("/etc/passwd")).toEqual([
      'chdir to cwd ("/etc/passwd") set in config.json failed: not a directory',
      126,
    ]);
  });

  test("with a terminal has one in the container's devpts", async () => {
    const started = await native.exec(running, dockerProcess(["sh", "-c", "tty; stty size"]), {
      terminal: { columns: 50, rows: 10 },
    });
    const terminal = started.terminal ?? -1;
    expect(await textOf(terminal)).toBe("/dev/pts/0\r\n10 50\r\n");
    closeFd(terminal);
    await exited(started.pidfd);
    expect(reap(started.pid)).toEqual({ exitCode: 0 });
    closeFd(started.pidfd);
  });

  test("is not dumpable before it is the program, and steps are reported as its own", async () => {
    const steps: Step[] = [];
    await recording(
      "shim",
      (step) => steps.push(step()),
      () => exec(["true"]),
    );
    const own = steps.filter(({ by }) => by === "exec");
    const first = own.findIndex(({ call }) => call === "prctl");
    expect(own[first]?.args[0]).toBe("PR_SET_DUMPABLE");
    expect(
      own
        .slice(0, first)
        .every(({ call }) => ["clone3", "close_range", "rt_sigaction", "rt_sigprocmask"].includes(call)),
    ).toBe(true);
  });
});
