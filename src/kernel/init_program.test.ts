import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { listing as arm64 } from "./_init_arm64.ts";
import { listing as x86_64 } from "./_init_x86_64.ts";
import { ARCH, type Arch } from "./arch.ts";
import { initCode, initProgram } from "./init_program.ts";

const directory = mkdtempSync("/tmp/fathom-test-init-");
afterAll(() => rmSync(directory, { recursive: true }));

function has(...programs: string[]): boolean {
  const missing = programs.filter((program) => Bun.which(program) === null);
  if (missing.length > 0) console.log(`skipped: no ${missing.join(", ")}`);
  return missing.length === 0;
}

describe("the machine code is what GNU as makes of the lines beside it", () => {
  const rows = [
    { arch: "x86_64", listing: x86_64, prefix: "", native: process.arch === "x64" },
    { arch: "arm64", listing: arm64, prefix: "aarch64-linux-gnu-", native: true },
  ] as const;
  for (const { arch, listing, prefix, native } of rows) {
    test.skipIf(!native || !has(`${prefix}as`, `${prefix}objcopy`))(`for ${arch}`, () => {
      const syntax = prefix === "" ? ".intel_syntax noprefix\n" : "";
      const source = `${syntax}${listing.map(([, line]) => line).join("\n")}\n`;
      const object = join(directory, `${arch}.o`);
      const made = Bun.spawnSync([`${prefix}as`, "-o", object, "-"], { stdin: Buffer.from(source) });
      expect(made.stderr.toString()).toBe("");
      const raw = join(directory, `${arch}.bin`);
      Bun.spawnSync([`${prefix}objcopy`, "-O", "binary", "-j", ".text", object, raw]);
      expect(Buffer.from(initCode(arch))).toEqual(readFileSync(raw));
    });
  }
});

function programOf(arch: Arch): string {
  const path = join(directory, `init-${arch}`);
  writeFileSync(path, initProgram(arch));
  chmodSync(path, 0o755);
  return path;
}

const EMULATOR = Bun.which("qemu-aarch64-static") ?? "qemu-aarch64-static";
const CASES: { arch: Arch; command: string[]; runs: boolean }[] = [
  { arch: "x86_64", command: [programOf("x86_64")], runs: ARCH === "x86_64" },
  { arch: "arm64", command: [EMULATOR, programOf("arm64")], runs: has(EMULATOR) },
];

for (const { arch, command, runs } of CASES) {
  describe.skipIf(!runs)(`the init for ${arch}`, () => {
    const run = (args: string[], env: Record<string, string> = { PATH: "/usr/bin:/bin" }) => {
      const { exitCode, stdout, stderr } = Bun.spawnSync([...command, "--", ...args], { env });
      return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
    };

    test("ends with the program's status, or 128 and its signal", () => {
      expect(run(["sh", "-c", "echo out; exit 7"])).toEqual({ exitCode: 7, stdout: "out\n", stderr: "" });
      expect(run(["/bin/sh", "-c", "kill -KILL $$"]).exitCode).toBe(137);
    });

    test("gives the program its arguments, environment, a process group of its own and no blocked signal", () => {
      const script =
        'echo "$#" "$1" "$A" "$(ps -o pgid= -p $$ | tr -d " ")" $$; grep SigBlk /proc/self/status';
      const { stdout } = run(["sh", "-c", script, "name", "a b"], { PATH: "/usr/bin:/bin", A: "x" });
      const [words = "", blocked = ""] = stdout.split("\n");
      const [count, a, b, variable, group, pid] = words.split(" ");
      expect([count, a, b, variable]).toEqual(["1", "a", "b", "x"]);
      expect(group).toBe(pid ?? "");
      // The emulator keeps some for itself.
      if (arch === ARCH) expect(blocked).toBe("SigBlk:\t0000000000000000");
    });

    test("says that there is no program, or that it cannot be executed", () => {
      const sentence = (name: string) => `docker-init: cannot execute ${name}\n`;
      expect(run(["nope"])).toEqual({ exitCode: 127, stdout: "", stderr: sentence("nope") });
      expect(run(["/nope/x"])).toEqual({ exitCode: 127, stdout: "", stderr: sentence("/nope/x") });
      expect(run(["/etc/passwd"]).exitCode).toBe(126);
      expect(run(["sh"], {}).exitCode).toBe(127);
      expect(run([]).exitCode).toBeGreaterThanOrEqual(126);
    });

    test("looks in absolute directories of PATH only, and passes over one that is too long", () => {
      mkdirSync(join(directory, "own"), { recursive: true });
      writeFileSync(join(directory, "own", "tool"), "#!/bin/sh\nexit 3\n", { mode: 0o755 });
      const PATH = `:.:relative:/${"x".repeat(5000)}:/nowhere:${join(directory, "own")}`;
      expect(run(["tool"], { PATH }).exitCode).toBe(3);
      writeFileSync(join(directory, "own", "locked"), "", { mode: 0o644 });
      expect(run(["locked"], { PATH }).exitCode).toBe(126);
    });

    test("hands signals on, and is not disturbed by other processes that end", async () => {
      const script = 'trap "exit 5" TERM; (sh -c "sleep 0.05" &) ; echo ready; while :; do sleep 0.05; done';
      const child = Bun.spawn([...command, "--", "sh", "-c", script], {
        stdout: "pipe",
        env: { PATH: "/usr/bin:/bin" },
      });
      const reader = child.stdout.getReader();
      await reader.read();
      child.kill("SIGTERM");
      expect(await child.exited).toBe(5);
    });
  });
}

test("it is small", () => {
  expect(initProgram("x86_64").length).toBeLessThan(1024);
  expect(initProgram("arm64").length).toBeLessThan(1024);
});
