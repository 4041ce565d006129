import { ptr } from "bun:ffi";
import { describe, expect, test } from "bun:test";
import { addressOf } from "./_memory.ts";
import { loadRoutine } from "./_routine.ts";
import { stepsOf, temporaryDirectory } from "./_test_support.ts";
import { bytes, type Call, describe as describeCall, named, result, text, texts } from "./call.ts";
import { ERRNO, SyscallError } from "./errno.ts";
import { owned } from "./file.ts";
import { AT, CLONE, flags, flagsText, MS, O } from "./flags.ts";
import { check, perform, sys } from "./syscall.ts";

describe("sys", () => {
  test("gives the kernel's answer, and -errno on failure", () => {
    expect(sys("getpid")).toBe(process.pid);
    expect(sys("close", 9999)).toBe(-ERRNO.EBADF);
  });

  test("passes six arguments, strings before and behind memory", () => {
    using directory = temporaryDirectory();
    const link = `${directory.path}/ünïcode`;
    expect(sys("symlinkat", "target", AT.FDCWD, link)).toBe(0);
    const buffer = new Uint8Array(16);
    expect(sys("readlinkat", AT.FDCWD, link, buffer, buffer.length)).toBe(6);
    expect(new TextDecoder().decode(buffer.subarray(0, 6))).toBe("target");
  });

  test("takes strings too long for the memory it keeps", () => {
    expect(sys("mkdirat", AT.FDCWD, "x".repeat(100_000), 0)).toBe(-ERRNO.ENAMETOOLONG);
    expect(sys("symlinkat", "y".repeat(12_000), AT.FDCWD, "z".repeat(12_000))).toBe(-ERRNO.ENAMETOOLONG);
  });

  test("refuses a string with a NUL inside, which the kernel would cut short", () => {
    expect(() => sys("unlinkat", AT.FDCWD, "/etc/passwd\0.bak", 0)).toThrow("NUL byte");
  });
});

describe("check", () => {
  test("turns -errno into an error that says what failed", () => {
    expect(check(7, "open x")).toBe(7);
    expect(() => check(-13, "open x")).toThrow("open x: EACCES");
  });

  test("a full disk and a lack of descriptors are of the kind that passes", () => {
    expect(new SyscallError("write", ERRNO.ENOSPC).kind).toBe("unavailable");
    expect(new SyscallError("open", ERRNO.EMFILE).kind).toBe("unavailable");
    expect(new SyscallError("open", ERRNO.EACCES).kind).toBe("internal");
  });
});

describe("perform", () => {
  const call: Call = { call: "chdir", args: [text("/nonexistent")], what: "enter a directory", see: "pwd" };

  test("reports one step, with arguments as a person writes them", () => {
    const [step, ...more] = stepsOf(() => perform({ call: "umask", args: [0o22], what: "set the umask" }));
    expect(more).toEqual([]);
    expect(step).toMatchObject({ by: "daemon", call: "umask", args: ["18"], what: "set the umask" });
    expect(step?.ns).toBeGreaterThan(0);
    expect(step?.at).toMatch(/^\d{19}$/);
  });

  test("reports a failure too, then throws what failed", () => {
    const steps = stepsOf(() => expect(() => perform(call)).toThrow("enter a directory: ENOENT"));
    expect(steps).toMatchObject([{ result: -2, error: "ENOENT", see: "pwd" }]);
  });

  test("a failure without a name says the call and its path", () => {
    expect(() => perform({ call: "chdir", args: [text("/nonexistent")] })).toThrow(
      'chdir "/nonexistent": ENOENT',
    );
  });

  test("gives -errno where that errno is allowed, and only there", () => {
    expect(perform({ ...call, may: ["EPERM", "ENOENT"] })).toBe(-ERRNO.ENOENT);
    expect(perform({ ...call, may: "any" })).toBe(-ERRNO.ENOENT);
    expect(() => perform({ ...call, may: ["EPERM"] })).toThrow("ENOENT");
  });

  test("cannot refer to another call's result", () => {
    expect(() => perform({ call: "close", args: [result(call, "fd")] })).toThrow("result of another");
  });

  test("outside of recording it reports nowhere", () => {
    expect(perform({ call: "umask", args: [0o22] })).toBeGreaterThanOrEqual(0);
  });
});

describe("a call's description", () => {
  test("is as strace would write it", () => {
    const args = [
      text("proc"),
      text("/a b"),
      flags("MS", MS, MS.NOSUID | MS.NODEV),
      bytes(new Uint8Array(4), "{…}"),
    ];
    expect(describeCall({ call: "mount", args })).toBe('mount("proc", "/a b", MS_NOSUID|MS_NODEV, {…})');
    expect(
      describeCall({ call: "execve", args: [text("/x"), texts(["x", "-v"]), named(0, "environ")] }),
    ).toBe('execve("/x", ["x","-v"], environ)');
  });

  test("names flags above 2^31 and shows bits without a name", () => {
    expect(flagsText("CLONE", CLONE, CLONE.CLEAR_SIGHAND + CLONE.NEWNET)).toBe(
      "CLONE_NEWNET|CLONE_CLEAR_SIGHAND",
    );
    expect(flagsText("MS", MS, MS.RDONLY + 2 ** 30)).toBe("MS_RDONLY|0x40000000");
    expect(flagsText("MS", MS, 0)).toBe("0");
  });
});

describe("what bun:ffi does without saying so", () => {
  test("i64_fast passes and returns all 64 bits: a number where that is exact, a bigint where it is not", () => {
    using directory = temporaryDirectory();
    const fd = check(
      sys("openat", AT.FDCWD, `${directory.path}/f`, O.CREAT | O.RDWR | O.CLOEXEC, 0o600),
      "open",
    );
    using file = owned(fd);
    const lseek = process.arch === "x64" ? 8 : 62;
    const { syscall } = loadRoutine();
    const seek = (to: number | bigint): number | bigint => syscall(lseek, file.fd, to, 0, 0, 0, 0);
    expect(seek(2 ** 32 + 1)).toBe(2 ** 32 + 1);
    expect(seek(2 ** 43 + 1)).toBe(2 ** 43 + 1);
    expect(seek(-1)).toBe(-ERRNO.EINVAL);
    expect(seek(-(2n ** 63n))).toBe(-ERRNO.EINVAL);
  });

  test("a small array moves when its buffer is first asked for, and addressOf gives the address that lasts", () => {
    const moving = new Uint8Array(56);
    const before = ptr(moving);
    moving.subarray(8);
    expect(ptr(moving)).not.toBe(before);
    const lasting = new Uint8Array(56);
    const address = addressOf(lasting);
    expect(addressOf(lasting.subarray(8))).toBe(address + 8);
    expect(addressOf(lasting)).toBe(address);
  });

  test("memory stays where it is while garbage is collected", () => {
    const arrays = Array.from({ length: 200 }, (_, index) => new Uint8Array(index + 1).fill(index));
    const addresses = arrays.map(addressOf);
    for (let round = 0; round < 5; round++) {
      Array.from({ length: 1000 }, () => new Uint8Array(1000));
      Bun.gc(true);
    }
    expect(arrays.map(addressOf)).toEqual(addresses);
  });

  test("empty memory has no address", () => {
    expect(addressOf(new Uint8Array(0))).toBe(0);
  });
});
