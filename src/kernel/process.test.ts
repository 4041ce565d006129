import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readFileSync, readlinkSync } from "node:fs";
import { noneLeft, openDescriptors, shell, stepsOf, temporaryDirectory } from "./_test_support.ts";
import { type Call, text } from "./call.ts";
import { closeFd, owned } from "./file.ts";
import { AT, CLONE, O } from "./flags.ts";
import {
  beginInPidNamespace,
  exited,
  pidfdOpen,
  reap,
  sendSignal,
  setSubreaper,
  spawnProgram,
} from "./process.ts";
import { pipe } from "./ready.ts";
import { type Child, spawn } from "./spawn.ts";
import { check, sys } from "./syscall.ts";

const spawnInPidNamespace = (...given: Parameters<typeof beginInPidNamespace>) =>
  beginInPidNamespace(...given).conclude();
const OPTIONS = { namespaces: 0, memory: "shared", by: "container" } as const;

let before: string[];
beforeEach(() => {
  before = openDescriptors();
});
afterEach(() => noneLeft(before));

async function end(child: Child): Promise<ReturnType<typeof reap>> {
  await exited(child.pidfd);
  closeFd(child.pidfd);
  return reap(child.pid);
}

describe("another program", () => {
  test("runs with the environment it is given and nothing else, as one step", async () => {
    const steps = stepsOf(() => {
      const program = spawnProgram(["/usr/bin/env"], {
        env: { ONLY: "this" },
        stdio: ["ignore", "pipe", "ignore"],
      });
      outcome = Promise.all([new Response(program.stdout).text(), program.exited]);
    });
    expect(await outcome).toEqual(["ONLY=this\n", 0]);
    expect(steps).toMatchObject([
      {
        call: "execve",
        args: ['"/usr/bin/env"', '["/usr/bin/env"]', "1 variables"],
        what: "run /usr/bin/env",
      },
    ]);
  });
  let outcome: Promise<[string, number]>;

  test("writes to the descriptors it is given and starts where it is told", async () => {
    const { read, write } = pipe();
    const program = spawnProgram(["pwd"], {
      env: { PATH: "/bin" },
      cwd: "/usr",
      stdio: ["ignore", write, "ignore"],
    });
    closeFd(write);
    expect(await program.exited).toBe(0);
    const buffer = new Uint8Array(100);
    expect(new TextDecoder().decode(buffer.subarray(0, sys("read", read, buffer, 100)))).toBe("/usr\n");
    closeFd(read);
  });

  test("that a signal ends has 128 and the signal as its status", async () => {
    const program = spawnProgram(["sleep", "100"], { env: { PATH: "/bin" } });
    program.kill(15);
    expect(await program.exited).toBe(128 + 15);
  });

  test("that is detached leads a session of its own", async () => {
    const program = spawnProgram(["sleep", "100"], { env: { PATH: "/bin" }, detached: true });
    const session = readFileSync(`/proc/${program.pid}/stat`, "latin1").split(" ")[5];
    expect(session).toBe(String(program.pid));
    program.kill(9);
    await program.exited;
  });

  test("that does not exist is an error at once", () => {
    expect(() => spawnProgram(["/nonexistent/program"], { env: {} })).toThrow("/nonexistent/program");
  });
});

describe("a process", () => {
  test("is signalled by its descriptor, and known to have ended", async () => {
    const child = spawn([shell("exec sleep 100")], OPTIONS);
    expect(reap(child.pid)).toBeUndefined();
    const steps = stepsOf(() => expect(sendSignal(child.pidfd, 15)).toBeTrue());
    expect(steps).toMatchObject([
      { call: "pidfd_send_signal", args: ["process", "15", "0", "0"], what: "send signal 15" },
    ]);
    await exited(child.pidfd);
    expect(reap(child.pid)).toEqual({ signal: 15 });
    expect(sendSignal(child.pidfd, 15)).toBeFalse();
    closeFd(child.pidfd);
  });

  test("that has ended already resolves at once, reaped or not", async () => {
    const child = spawn([shell("exit 3")], OPTIONS);
    await exited(child.pidfd);
    await exited(child.pidfd);
    expect(reap(child.pid)).toEqual({ exitCode: 3 });
    expect(reap(child.pid)).toBeUndefined();
    expect(pidfdOpen(child.pid)).toBeUndefined();
    await exited(child.pidfd);
    closeFd(child.pidfd);
  });

  test("many are waited for at once", async () => {
    const children = Array.from({ length: 20 }, (_, index) =>
      spawn([shell(`sleep 0.0${index}; exit ${index}`)], OPTIONS),
    );
    const endings = await Promise.all(children.map(end));
    expect(endings).toEqual(children.map((_, index) => ({ exitCode: index })));
  });

  test("can be watched by any who may open it", async () => {
    const program = spawnProgram(["sleep", "0.05"], { env: { PATH: "/bin" } });
    const pidfd = pidfdOpen(program.pid) ?? -1;
    await exited(pidfd);
    expect(await program.exited).toBe(0);
    closeFd(pidfd);
  });
});

describe("this process", () => {
  test("adopts orphans once it is told to", async () => {
    using directory = temporaryDirectory();
    const path = `${directory.path}/pid`;
    expect(stepsOf(setSubreaper)).toMatchObject([{ call: "prctl", args: ["PR_SET_CHILD_SUBREAPER", "1"] }]);
    expect(await end(spawn([shell(`sleep 100 & echo $! > ${path}`)], OPTIONS))).toEqual({ exitCode: 0 });
    const orphan = Number(readFileSync(path, "latin1"));
    expect(readFileSync(`/proc/${orphan}/status`, "latin1")).toMatch(
      new RegExp(`^PPid:\\s${process.pid}$`, "m"),
    );
    const pidfd = pidfdOpen(orphan) ?? -1;
    sendSignal(pidfd, 9);
    expect(await end({ pid: orphan, pidfd })).toEqual({ signal: 9 });
    sys("prctl", 36, 0);
  });
});

describe("a process born in a PID namespace that exists", () => {
  /** A process that is the first of a namespace of its own. */
  function first(): Child {
    return spawn([shell("exec sleep 100")], { ...OPTIONS, namespaces: CLONE.NEWPID });
  }

  test("lives there, and later ones do not", async () => {
    const init = first();
    using namespace = openNamespace(init.pid, "pid");
    const child = spawnInPidNamespace(namespace.fd, [shell("exec sleep 100")], OPTIONS);
    expect(namespaceOf(child.pid)).toBe(namespaceOf(init.pid));
    expect(readFileSync(`/proc/${child.pid}/status`, "latin1")).toMatch(
      new RegExp(`^NSpid:\\s${child.pid}\\s2$`, "m"),
    );
    const outside = spawn([shell("exec sleep 100")], OPTIONS);
    expect(namespaceOf(outside.pid)).toBe(namespaceOf(process.pid));
    sendSignal(outside.pidfd, 9);
    sendSignal(init.pidfd, 9); // takes the other with it
    expect(await end(outside)).toEqual({ signal: 9 });
    expect(await end(child)).toEqual({ signal: 9 });
    expect(await end(init)).toEqual({ signal: 9 });
  });

  test("leaves later ones outside also when its program fails", async () => {
    const init = first();
    using namespace = openNamespace(init.pid, "pid");
    const broken: Call = { call: "chdir", args: [text("/nonexistent")], what: "enter the directory" };
    const steps = stepsOf(() =>
      expect(() => spawnInPidNamespace(namespace.fd, [broken], OPTIONS)).toThrow(
        "enter the directory: ENOENT",
      ),
    );
    expect(steps.filter(({ call }) => call === "setns")).toHaveLength(2);
    const outside = spawn([shell("exec sleep 100")], OPTIONS);
    expect(namespaceOf(outside.pid)).toBe(namespaceOf(process.pid));
    for (const child of [outside, init]) {
      sendSignal(child.pidfd, 9);
      await end(child);
    }
  });

  test("is refused where the descriptor is no PID namespace", () => {
    using other = openNamespace(process.pid, "uts");
    expect(() => spawnInPidNamespace(other.fd, [shell("exit 0")], OPTIONS)).toThrow("EINVAL");
  });

  test("50 times in a row while the collector works", async () => {
    const init = first();
    using namespace = openNamespace(init.pid, "pid");
    for (let index = 0; index < 50; index++) {
      if (index % 10 === 0) Bun.gc(true);
      expect(await end(spawnInPidNamespace(namespace.fd, [shell("exit 6")], OPTIONS))).toEqual({
        exitCode: 6,
      });
    }
    sendSignal(init.pidfd, 9);
    await end(init);
  });
});

function namespaceOf(pid: number): string {
  return readlinkSync(`/proc/${pid}/ns/pid`);
}

function openNamespace(pid: number, file: "pid" | "uts"): Disposable & { fd: number } {
  const path = `/proc/${pid}/ns/${file}`;
  return owned(check(sys("openat", AT.FDCWD, path, O.RDONLY | O.CLOEXEC), `open ${path}`));
}
