import { describe, expect, test } from "bun:test";
import { closeFd } from "./file.ts";
import { blockUntilReadable } from "./poll.ts";
import { pipe } from "./ready.ts";
import { recording } from "./receipt.ts";
import { replaceProcess } from "./replace.ts";
import { sys } from "./syscall.ts";

const F_GETFD = 1;
const FD_CLOEXEC = 1;

describe("running this program anew", () => {
  test("leaves everything as it was where it fails, and says so", async () => {
    const { read, write } = pipe();
    const steps: { call: string; result: number }[] = [];
    const fails = (): never =>
      // One string of an environment may take 128 KiB, execve(2).
      replaceProcess(["none"], { keep: [read], ignore: [15], environment: ["x".repeat(200_000)] });
    expect(() => recording("shim", (make) => steps.push(make()), fails)).toThrow("E2BIG");
    expect(steps.at(-1)).toMatchObject({ call: "execve", result: -7 });
    expect(sys("fcntl", read, F_GETFD)).toBe(FD_CLOEXEC);
    // SIGTERM is bit 14.
    expect(await Bun.file("/proc/self/status").text()).not.toMatch(/^SigIgn:\s*\w+[4-7c-f]\w{3}$/m);
    closeFd(read);
    closeFd(write);
  });
});

describe("waiting with nothing loaded", () => {
  test("ends when one of the descriptors can be read, or its other end has hung up", () => {
    const [silent, one] = [pipe(), pipe()];
    sys("write", one.write, "x", 1);
    blockUntilReadable([silent.read, one.read]);
    closeFd(silent.write);
    blockUntilReadable([silent.read]);
    for (const fd of [silent.read, one.read, one.write]) closeFd(fd);
  });
});
