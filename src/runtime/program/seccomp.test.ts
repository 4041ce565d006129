import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import type { Seccomp, SeccompArgument, SeccompRule } from "../../spec/oci_runtime.ts";
import { BPF, encode, type Instruction } from "./bpf.ts";
import { seccompRows } from "./seccomp.ts";
import { compileSeccomp, filterOf } from "./seccomp_filter.ts";
import { type SeccompArch, syscallNumbers } from "./syscalls.ts";

const KILL = 0;
const ALLOW = 0x7fff_0000;
const errno = (number: number): number => 0x0005_0000 + number;

interface SeccompData {
  arch: number;
  nr: number;
  args: bigint[];
}

/** A machine for classic BPF over struct seccomp_data, as Documentation/networking/filter.rst describes it. */
function run(
  program: readonly Instruction[],
  { arch, nr, args }: SeccompData,
): { verdict: number; steps: number } {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, nr, true);
  data.setUint32(4, arch, true);
  args.forEach((value, index) => {
    data.setBigUint64(16 + 8 * index, value, true);
  });
  let accumulator = 0;
  let steps = 0;
  for (let at = 0; at < program.length; at++) {
    const instruction = program[at];
    if (instruction === undefined) break;
    const { code, jt, jf, k } = instruction;
    steps++;
    if (code === BPF.RET) return { verdict: k, steps };
    if (code === BPF.LD) accumulator = data.getUint32(k, true);
    else if (code === BPF.AND) accumulator = (accumulator & k) >>> 0;
    else if (code === BPF.JA) at += k;
    else if (code === BPF.JEQ) at += accumulator === k ? jt : jf;
    else if (code === BPF.JGT) at += accumulator > k ? jt : jf;
    else if (code === BPF.JGE) at += accumulator >= k ? jt : jf;
    else throw new Error(`unknown instruction ${code}`);
  }
  throw new Error("the filter ran off its end");
}

const AUDIT: Record<SeccompArch, number> = {
  SCMP_ARCH_X86_64: 0xc000003e,
  SCMP_ARCH_X32: 0xc000003e,
  SCMP_ARCH_X86: 0x40000003,
  SCMP_ARCH_AARCH64: 0xc00000b7,
  SCMP_ARCH_ARM: 0x40000028,
};
const VALUES: Record<string, number> = {
  SCMP_ACT_KILL: KILL,
  SCMP_ACT_KILL_THREAD: KILL,
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_TRAP: 0x30000,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_ALLOW: ALLOW,
};

function value(action: string, data: number | undefined): number {
  if (action === "SCMP_ACT_ERRNO") return errno(data ?? 1);
  if (action === "SCMP_ACT_TRACE") return 0x7ff00000 + (data ?? 1);
  return VALUES[action] ?? Number.NaN;
}

function holds({ index, op, value: first, valueTwo = 0 }: SeccompArgument, args: readonly bigint[]): boolean {
  const argument = args[index] ?? 0n;
  const wanted = BigInt(first);
  if (op === "SCMP_CMP_EQ") return argument === wanted;
  if (op === "SCMP_CMP_NE") return argument !== wanted;
  if (op === "SCMP_CMP_LT") return argument < wanted;
  if (op === "SCMP_CMP_LE") return argument <= wanted;
  if (op === "SCMP_CMP_GT") return argument > wanted;
  if (op === "SCMP_CMP_GE") return argument >= wanted;
  return (argument & wanted) === BigInt(valueTwo);
}

function ruleHolds(rule: SeccompRule, args: readonly bigint[]): boolean {
  const conditions = rule.args ?? [];
  const twice = new Set(conditions.map(({ index }) => index)).size < conditions.length;
  return twice ? conditions.some((one) => holds(one, args)) : conditions.every((one) => holds(one, args));
}

/** The verdict by reading the profile from top to bottom, with no thought of speed. */
function evaluate(profile: Seccomp, arch: SeccompArch, { nr, args }: { nr: number; args: bigint[] }): number {
  const numbers = syscallNumbers(arch);
  const otherwise = value(profile.defaultAction, profile.defaultErrnoRet);
  const rules = (profile.syscalls ?? []).filter((rule) => value(rule.action, rule.errnoRet) !== otherwise);
  const naming = rules.filter((rule) => rule.names.some((name) => numbers.get(name) === nr));
  const plain = naming.find((rule) => (rule.args ?? []).length === 0);
  const hit = plain ?? naming.find((rule) => ruleHolds(rule, args));
  if (hit !== undefined) return value(hit.action, hit.errnoRet);
  const newest = Math.max(-1, ...rules.flatMap((rule) => rule.names.map((name) => numbers.get(name) ?? -1)));
  const refuses = !["SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRACE"].includes(profile.defaultAction);
  return nr > newest && refuses ? errno(38) : otherwise;
}

const U64 = 2n ** 64n - 1n;
const SAMPLES = [
  0n,
  1n,
  7n,
  8n,
  40n,
  41n,
  0x20000n,
  0x7e020000n,
  0xffffffffn,
  0x100000000n,
  0x100000008n,
  U64,
];

/** Every number of a convention and those about its edges, with arguments that make comparisons go both ways. */
function compareAll(profile: Seccomp, arch: SeccompArch, processor: "x86_64" | "arm64"): number {
  const filter = compileSeccomp(profile, processor);
  const first = arch === "SCMP_ARCH_X32" ? 0x40000000 : 0;
  const named = [...syscallNumbers(arch).values()];
  const numbers = new Set([
    ...named,
    ...named.map((nr) => nr + 1),
    ...Array.from({ length: 600 }, (_, n) => first + n),
  ]);
  for (const nr of numbers) {
    for (const sample of SAMPLES) {
      const args = [sample, SAMPLES[nr % SAMPLES.length] ?? 0n, sample ^ 8n, 0n, sample, U64 - sample];
      const { verdict } = run(filter, { arch: AUDIT[arch], nr, args });
      if (verdict !== evaluate(profile, arch, { nr, args })) return nr;
    }
  }
  return -1;
}

const RULES: Seccomp = {
  defaultAction: "SCMP_ACT_ERRNO",
  defaultErrnoRet: 1,
  architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
  syscalls: [
    {
      names: ["read", "write", "openat", "close", "mmap", "futex", "exit_group", "execve", "cacheflush"],
      action: "SCMP_ACT_ALLOW",
    },
    { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38 },
    { names: ["ptrace"], action: "SCMP_ACT_KILL_PROCESS" },
    { names: ["reboot"], action: "SCMP_ACT_TRAP" },
    { names: ["kexec_load"], action: "SCMP_ACT_TRACE", errnoRet: 7 },
    { names: ["mseal"], action: "SCMP_ACT_LOG" },
    { names: ["no_such_call_anywhere"], action: "SCMP_ACT_ALLOW" },
    { names: ["bpf"], action: "SCMP_ACT_ERRNO", errnoRet: 1 },
    {
      names: ["clone"],
      action: "SCMP_ACT_ALLOW",
      args: [{ index: 0, value: 0x7e020000, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }],
    },
    ...(["EQ", "NE", "LT", "LE", "GT", "GE"] as const).map((name, index): SeccompRule => {
      const names = ["personality", "socket", "setuid", "setgid", "mprotect", "brk"].slice(index, index + 1);
      return {
        names,
        action: "SCMP_ACT_ALLOW",
        args: [{ index, value: index < 2 ? 40 : 0x100000008, op: `SCMP_CMP_${name}` }],
      };
    }),
    {
      names: ["ioctl"],
      action: "SCMP_ACT_ALLOW",
      args: [
        { index: 0, value: 7, op: "SCMP_CMP_GT" },
        { index: 1, value: 8, op: "SCMP_CMP_EQ" },
      ],
    },
    {
      names: ["fcntl"],
      action: "SCMP_ACT_ALLOW",
      args: [
        { index: 0, value: 7, op: "SCMP_CMP_EQ" },
        { index: 0, value: 8, op: "SCMP_CMP_EQ" },
      ],
    },
    { names: ["chmod"], action: "SCMP_ACT_ALLOW", args: [{ index: 0, value: 1, op: "SCMP_CMP_EQ" }] },
    {
      names: ["chmod"],
      action: "SCMP_ACT_ERRNO",
      errnoRet: 22,
      args: [{ index: 4, value: 7, op: "SCMP_CMP_EQ" }],
    },
    { names: ["mount"], action: "SCMP_ACT_ALLOW", args: [{ index: 0, value: 1, op: "SCMP_CMP_EQ" }] },
    { names: ["mount"], action: "SCMP_ACT_LOG" },
  ],
};

const PAIRS = [
  ["SCMP_ARCH_X86_64", "x86_64"],
  ["SCMP_ARCH_X86", "x86_64"],
  ["SCMP_ARCH_X32", "x86_64"],
  ["SCMP_ARCH_AARCH64", "arm64"],
  ["SCMP_ARCH_ARM", "arm64"],
] as const;

describe("the filter's verdict is the profile's", () => {
  for (const [arch, processor] of PAIRS) {
    test(`on every call of ${arch}, with a profile that uses every action and comparison`, () => {
      expect(compareAll(RULES, arch, processor)).toBe(-1);
    });
    test(`on every call of ${arch}, where everything is allowed by default`, () => {
      const deny: Seccomp = {
        ...RULES,
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{ names: ["write", "bpf"], action: "SCMP_ACT_KILL" }],
      };
      expect(compareAll(deny, arch, processor)).toBe(-1);
    });
  }

  /** A profile of the size of Docker's, which Debian ships for podman. */
  const installed = "/usr/share/containers/seccomp.json";
  const profile = existsSync(installed) ? largeProfile(installed) : undefined;
  for (const [arch, processor] of PAIRS) {
    test.skipIf(profile === undefined)(`on every call of ${arch}, with the profile of ${installed}`, () => {
      expect(compareAll(profile ?? RULES, arch, processor)).toBe(-1);
    });
  }

  test.skipIf(profile === undefined)(
    "is reached in at most 16 instructions where no argument is looked at",
    () => {
      const filter = compileSeccomp(profile ?? RULES, "x86_64");
      const steps = Array.from(
        { length: 500 },
        (_, nr) => run(filter, { arch: AUDIT.SCMP_ARCH_X86_64, nr, args: [] }).steps,
      );
      expect(steps.sort((a, b) => a - b)[Math.floor(steps.length * 0.95)]).toBeLessThanOrEqual(16);
    },
  );
});

function largeProfile(path: string): Seccomp {
  const { syscalls, ...rest } = JSON.parse(readFileSync(path, "utf8"));
  const always = syscalls.filter(
    (rule: { includes?: object }) => Object.keys(rule.includes ?? {}).length === 0,
  );
  return { ...rest, architectures: PAIRS.map(([arch]) => arch), syscalls: always };
}

describe("a filter", () => {
  const one = (nr: number, arch: number): number =>
    run(compileSeccomp(RULES, "x86_64"), { arch, nr, args: [] }).verdict;

  test("refuses a processor's convention that the profile does not list", () => {
    const filter = compileSeccomp({ ...RULES, architectures: [] }, "x86_64");
    expect(run(filter, { arch: AUDIT.SCMP_ARCH_X86_64, nr: 0, args: [] }).verdict).toBe(ALLOW);
    expect(run(filter, { arch: AUDIT.SCMP_ARCH_X86, nr: 3, args: [] }).verdict).toBe(KILL);
    expect(run(filter, { arch: AUDIT.SCMP_ARCH_X32, nr: 0x40000000, args: [] }).verdict).toBe(KILL);
  });

  test("refuses other processors altogether", () => {
    expect(one(0, AUDIT.SCMP_ARCH_AARCH64)).toBe(KILL);
    expect(one(0, 0)).toBe(KILL);
  });

  test("gives the number that stands for no call the default", () => {
    expect(one(0xffffffff, AUDIT.SCMP_ARCH_X86_64)).toBe(errno(1));
  });

  test("answers calls newer than the profile with ENOSYS", () => {
    expect(one(999, AUDIT.SCMP_ARCH_X86_64)).toBe(errno(38));
  });

  test("never jumps out of itself", () => {
    const filter = compileSeccomp(RULES, "x86_64");
    filter.forEach(({ code, jt, jf, k }, index) => {
      const farthest = code === BPF.JA ? k : code === BPF.RET ? -1 : Math.max(jt, jf);
      expect(index + 1 + farthest).toBeLessThan(filter.length);
      expect(Math.max(jt, jf)).toBeLessThanOrEqual(255);
    });
  });

  test("is laid out as the kernel's struct sock_filter", () => {
    expect([...encode([{ code: BPF.JGE, jt: 1, jf: 2, k: 0x40000000 }])]).toEqual([
      0x35, 0, 1, 2, 0, 0, 0, 0x40,
    ]);
  });
});

describe("a profile that the specification does not allow is refused by name", () => {
  const refused = (profile: Partial<Record<keyof Seccomp, unknown>>): unknown => {
    try {
      const whole = { ...RULES, ...profile } as Seccomp;
      return seccompRows({ profile: whole, filter: filterOf(whole, "x86_64") });
    } catch (error) {
      return error instanceof Error ? error.message : error;
    }
  };
  test("an unknown action", () =>
    expect(refused({ defaultAction: "SCMP_ACT_MAYBE" })).toMatch(/unknown action: SCMP_ACT_MAYBE/));
  test("an unknown flag", () => expect(refused({ flags: ["FAST"] })).toMatch(/unknown flag: FAST/));
  test("an unknown comparison", () =>
    expect(
      refused({
        syscalls: [
          { names: ["read"], action: "SCMP_ACT_ALLOW", args: [{ index: 0, value: 0, op: "SCMP_CMP_ODD" }] },
        ],
      }),
    ).toMatch(/unknown comparison: SCMP_CMP_ODD/));
  test("an argument that no call has", () =>
    expect(
      refused({
        syscalls: [
          { names: ["read"], action: "SCMP_ACT_ALLOW", args: [{ index: 6, value: 0, op: "SCMP_CMP_EQ" }] },
        ],
      }),
    ).toMatch(/argument 6/));
  test("an errno that the kernel has no room for", () =>
    expect(refused({ syscalls: [{ names: ["read"], action: "SCMP_ACT_ERRNO", errnoRet: 4096 }] })).toMatch(
      /4096/,
    ));
});

test("speculation stays on unless the profile lists its flags itself", () => {
  const flagsOf = (profile: Seccomp): unknown =>
    seccompRows({ profile, filter: filterOf(profile, "x86_64") })[0]?.args[1];
  expect(flagsOf(RULES)).toMatchObject({ value: 4 });
  expect(flagsOf({ ...RULES, flags: ["SECCOMP_FILTER_FLAG_LOG"] })).toMatchObject({ value: 2 });
  expect(flagsOf({ ...RULES, flags: [] })).toMatchObject({ value: 0 });
});
