import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { noneLeft, openDescriptors, shell, stepsOf, temporaryDirectory } from "./_test_support.ts";
import { bytes, type Call, named, result, text, texts } from "./call.ts";
import { closeFd, owned } from "./file.ts";
import { AT, CLONE, O } from "./flags.ts";
import { type Ending, exited, reap } from "./process.ts";
import { type SpawnOptions, spawn } from "./spawn.ts";
import { check, sys } from "./syscall.ts";

const SHARED: SpawnOptions = { namespaces: 0, memory: "shared", by: "container" };
const COPIED: SpawnOptions = { ...SHARED, memory: "copied" };

/** Runs a program to its end. */
async function run(program: readonly Call[], options: SpawnOptions): Promise<Ending | undefined> {
  const child = spawn(program, options);
  await exited(child.pidfd);
  closeFd(child.pidfd);
  return reap(child.pid);
}

/** Rows that open `path` and write `content` there: the second refers to the first's result. */
function writeRows(path: string, content: string): Call[] {
  const open: Call = {
    call: "openat",
    args: [named(AT.FDCWD, "AT_FDCWD"), text(path), O.WRONLY | O.CREAT | O.CLOEXEC, 0o600],
  };
  const data = new TextEncoder().encode(content);
  return [open, { call: "write", args: [result(open, `fd (${path})`), bytes(data, content), data.length] }];
}

/** No test may leave a process or a descriptor behind. */
let before: string[];
beforeEach(() => {
  before = openDescriptors();
});
afterEach(async () => {
  await noneLeft(before);
  expect(zombies()).toEqual([]);
});

function zombies(): string[] {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, "latin1")
    .split(" ")
    .filter(Boolean);
  return children.filter((pid) => / Z /.test(readFileSync(`/proc/${pid}/stat`, "latin1")));
}

for (const options of [SHARED, COPIED]) {
  describe(`a program with ${options.memory} memory`, () => {
    test("ends with the status of what it became", async () => {
      expect(await run([shell("exit 7")], options)).toEqual({ exitCode: 7 });
      expect(await run([shell("kill -9 $$")], options)).toEqual({ signal: 9 });
    });

    test("that has no execve ends with status 0 at the end of its table", async () => {
      expect(await run([{ call: "umask", args: [0] }], options)).toEqual({ exitCode: 0 });
    });

    test("hands a row's result to a later row", async () => {
      using directory = temporaryDirectory();
      const path = `${directory.path}/out`;
      await run([...writeRows(path, "from the child"), shell("exit 0")], options);
      expect(readFileSync(path, "utf8")).toBe("from the child");
    });

    test("reports each row with its result, and execve at the end", () => {
      let child = { pid: 0, pidfd: 0 };
      const steps = stepsOf(() => {
        child = spawn([{ call: "umask", args: [0o27] }, shell("exit 0")], options);
      });
      expect(steps.map(({ call }) => call)).toContain("clone3");
      expect(steps.slice(-2)).toMatchObject([
        { by: "container", call: "umask", args: ["23"] },
        { by: "container", call: "execve", result: 0 },
      ]);
      expect(steps.filter(({ call }) => call === "execve")).toHaveLength(1);
      expect(steps.find(({ call }) => call === "clone3")).toMatchObject({ by: "daemon", result: child.pid });
      awaitEnd(child);
    });

    test("that fails names the row, is reaped, and reports what it did up to there", () => {
      const broken: Call = {
        call: "chdir",
        args: [text("/nonexistent")],
        what: "enter the working directory",
      };
      const never: Call = { call: "umask", args: [0o77] };
      const steps = stepsOf(() =>
        expect(() => spawn([{ call: "umask", args: [0o22] }, broken, never], options)).toThrow(
          "enter the working directory: ENOENT",
        ),
      );
      expect(steps.slice(-2).map(({ call, error }) => `${call} ${error}`)).toEqual([
        "umask undefined",
        "chdir ENOENT",
      ]);
    });

    test("whose execve fails names that", () => {
      const nothing: Call = { call: "execve", args: [text("/nonexistent"), texts(["x"]), texts([])] };
      expect(() => spawn([nothing], options)).toThrow('execve "/nonexistent": ENOENT');
    });

    test("tries one execve after the other where they may fail: a PATH search", async () => {
      const tries = ["/nonexistent/sh", "/etc/passwd", "/bin/sh"].map(
        (path): Call => ({
          call: "execve",
          args: [text(path), texts(["sh", "-c", "exit 3"]), texts([])],
          may: ["ENOENT", "EACCES"],
        }),
      );
      expect(await run(tries, options)).toEqual({ exitCode: 3 });
    });

    test("goes on after an errno that is allowed, be it the only one, the last of six, or any", async () => {
      const six = ["EPERM", "ESRCH", "EINTR", "EIO", "ENXIO", "ENOENT"] as const;
      for (const may of [["ENOENT"], six, "any"] as const) {
        const row: Call = { call: "chdir", args: [text("/nonexistent")], may };
        expect(await run([row, shell("exit 4")], options)).toEqual({ exitCode: 4 });
      }
    });

    test("stops at an errno that is not among six allowed ones", () => {
      const may = ["EPERM", "ESRCH", "EINTR", "EIO", "ENXIO", "EACCES"] as const;
      expect(() => spawn([{ call: "chdir", args: [text("/nonexistent")], may }], options)).toThrow("ENOENT");
    });

    test("begins with no signal ignored, blocked or caught", async () => {
      using directory = temporaryDirectory();
      const path = `${directory.path}/status`;
      await run([shell(`exec cat /proc/self/status > ${path}`)], options);
      const status = readFileSync(path, "latin1");
      for (const field of ["SigIgn", "SigBlk", "SigCgt"]) {
        expect(status).toMatch(new RegExp(`^${field}:\\s+0{16}$`, "m"));
      }
    });

    test("has namespaces of its own where it asks for them", async () => {
      using directory = temporaryDirectory();
      const path = `${directory.path}/pid`;
      await run([shell(`echo $$ > ${path}`)], { ...options, namespaces: CLONE.NEWPID | CLONE.NEWNS });
      expect(readFileSync(path, "utf8")).toBe("1\n");
    });

    test("closes at once all descriptors but standard ones and those to keep", () => {
      using directory = temporaryDirectory();
      const kept = check(sys("openat", AT.FDCWD, directory.path, O.RDONLY | O.DIRECTORY | O.CLOEXEC), "open");
      using file = owned(kept);
      using other = owned(check(sys("dup3", file.fd, 200, O.CLOEXEC), "duplicate"));
      const inKept: Call = { call: "mkdirat", args: [file.fd, text("made"), 0o700] };
      const inOther: Call = {
        call: "mkdirat",
        args: [other.fd, text("not made"), 0o700],
        what: "use the other",
      };
      expect(() => spawn([inKept, inOther], { ...options, keep: [file.fd] })).toThrow("use the other: EBADF");
      expect(readdirSync(directory.path)).toEqual(["made"]);
    });

    test("inherits no descriptor that is close-on-exec", async () => {
      using directory = temporaryDirectory();
      const path = `${directory.path}/fds`;
      await run([shell(`ls /proc/self/fd > ${path}`)], options);
      expect(
        readFileSync(path, "utf8")
          .trim()
          .split("\n")
          .map(Number)
          .filter((fd) => fd > 3),
      ).toEqual([]);
    });
  });
}

function awaitEnd({ pid, pidfd }: { pid: number; pidfd: number }): void {
  while (reap(pid) === undefined) Bun.sleepSync(1);
  closeFd(pidfd);
}

describe("a program is refused", () => {
  test("where a row refers to one that does not stand before it", () => {
    const later: Call = { call: "umask", args: [0] };
    expect(() => spawn([{ call: "close", args: [result(later, "fd")] }, later], SHARED)).toThrow("before it");
  });

  test("where a row allows more errnos than fit", () => {
    const may = ["EPERM", "ESRCH", "EINTR", "EIO", "ENXIO", "EACCES", "ENOENT"] as const;
    expect(() => spawn([{ call: "umask", args: [0], may }], SHARED)).toThrow("more than six");
  });
});

test("a failed clone3 says so and leaves nothing", () => {
  expect(() => spawn([shell("exit 0")], { ...SHARED, cgroup: 0 })).toThrow("clone3");
});

test("500 programs leave no descriptor and no zombie", async () => {
  for (let index = 0; index < 500; index++) {
    expect(await run([shell("exit 0")], index % 2 === 0 ? SHARED : COPIED)).toEqual({ exitCode: 0 });
  }
}, 60_000);

test("300 programs are right while the collector works", async () => {
  using directory = temporaryDirectory();
  const path = `${directory.path}/out`;
  for (let index = 0; index < 300; index++) {
    Array.from({ length: 50 }, () => new Uint8Array(5000));
    const program = [...writeRows(path, `run ${index}`), shell("exit 5")];
    if (index % 10 === 0) Bun.gc(true);
    writeFileSync(path, "");
    expect(await run(program, index % 2 === 0 ? SHARED : COPIED)).toEqual({ exitCode: 5 });
    expect(readFileSync(path, "utf8")).toBe(`run ${index}`);
  }
}, 60_000);
