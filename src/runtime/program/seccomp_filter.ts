/**
 * A seccomp profile as a filter in classic BPF.
 *
 * A filter runs before every system call of the container, so its length on the way to a verdict is what the container pays.
 * libseccomp compares with one number after the other by default; here the numbers are cut into intervals with the same verdict
 * and found by binary search: about 11 instructions instead of several hundred for the last calls of Docker's profile.
 *
 * How a profile is read (runtime-spec, config-linux.md, with runc where the specification is silent):
 * - A name that a processor does not have is passed over; the same profile serves all processors.
 * - A rule without arguments outweighs those with arguments; among equals the first counts. A rule that says what the default says
 *   anyway is passed over.
 * - All arguments of a rule must hold; where one index occurs twice, any one of them.
 * - A call newer than all that the profile names gets ENOSYS and not the default refusal, so that programs try an older call.
 * - A processor that the profile does not list is refused with SCMP_ACT_KILL.
 */

import { type Arch, ERRNO } from "../../kernel/mod.ts";
import type { Seccomp, SeccompAction, SeccompRule } from "../../spec/oci_runtime.ts";
import { FathomError } from "../../std/errors.ts";
import {
  BPF,
  branch,
  DATA,
  decide,
  encode,
  type Instruction,
  type Interval,
  load,
  MAX_INSTRUCTIONS,
  ret,
} from "./bpf.ts";
import { matchArguments } from "./seccomp_arguments.ts";
import { type SeccompArch, syscallNumbers } from "./syscalls.ts";

/** What a processor's calls carry in seccomp_data.arch (include/uapi/linux/audit.h), and whose calls they may be. */
const FAMILIES = {
  x86_64: [
    { audit: 0xc000_003e, archs: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X32"] },
    { audit: 0x4000_0003, archs: ["SCMP_ARCH_X86"] },
  ],
  arm64: [
    { audit: 0xc000_00b7, archs: ["SCMP_ARCH_AARCH64"] },
    { audit: 0x4000_0028, archs: ["SCMP_ARCH_ARM"] },
  ],
} as const satisfies Record<Arch, { audit: number; archs: SeccompArch[] }[]>;

/** A profile as struct sock_filter, one behind the other. @throws {FathomError} as compileSeccomp. */
export function filterOf(profile: Seccomp, arch: Arch): Uint8Array {
  return encode(compileSeccomp(profile, arch));
}

/**
 * Compiles a profile for the processor `arch` and its 32-bit companions.
 * @throws {FathomError} invalid, for what the specification does not know and for a filter longer than the kernel takes.
 * @internal
 */
export function compileSeccomp(profile: Seccomp, arch: Arch): Instruction[] {
  const [native, companion] = FAMILIES[arch];
  const listed = new Set<string>([native.archs[0], ...(profile.architectures ?? [])]);
  const refuse = [ret(RET.SCMP_ACT_KILL)];
  const blockOf = (archs: readonly SeccompArch[]): Instruction[] =>
    archs.some((one) => listed.has(one))
      ? [load(DATA.nr), ...decide(intervalsOf(profile, archs, listed))]
      : refuse;
  const foreign = branch(BPF.JEQ, companion.audit, { yes: blockOf(companion.archs), no: refuse });
  const filter = [
    load(DATA.arch),
    ...branch(BPF.JEQ, native.audit, { yes: blockOf(native.archs), no: foreign }),
  ];
  if (filter.length > MAX_INSTRUCTIONS)
    throw new FathomError(
      "invalid",
      `the seccomp profile compiles to ${filter.length} instructions, and the kernel takes ${MAX_INSTRUCTIONS}; use fewer argument rules`,
    );
  return filter;
}

/** The kernel's number for "no call" (a tracer skipped it); it lies above x32 but is not of it. */
const NO_CALL = 0xffff_ffff;
const X32_FIRST = 0x4000_0000;

function intervalsOf(
  profile: Seccomp,
  archs: readonly SeccompArch[],
  listed: ReadonlySet<string>,
): Interval[] {
  const [main, x32] = archs;
  if (main === undefined) return [];
  const below = numbered(profile, main, 0);
  if (x32 === undefined) return below;
  const refused = { from: X32_FIRST, verdict: [ret(RET.SCMP_ACT_KILL)] };
  const above = listed.has(x32) ? numbered(profile, x32, X32_FIRST) : [refused];
  return [...below, ...above, { from: NO_CALL, verdict: [ret(defaultOf(profile))] }];
}

/** The intervals of one convention's numbers, which begin at `first`. */
function numbered(profile: Seccomp, arch: SeccompArch, first: number): Interval[] {
  const verdicts = verdictsByNumber(profile, arch);
  const otherwise = [ret(defaultOf(profile))];
  const intervals: Interval[] = [];
  let end = first;
  for (const number of Uint32Array.from(verdicts.keys()).sort()) {
    if (number > end) add(intervals, { from: end, verdict: otherwise });
    add(intervals, { from: number, verdict: verdicts.get(number) ?? otherwise });
    end = number + 1;
  }
  add(intervals, { from: end, verdict: [ret(beyondOf(profile))] });
  return intervals;
}

/** Appends an interval, or lets the last one go on where the verdict is the same. */
function add(intervals: Interval[], next: Interval): void {
  const last = intervals.at(-1)?.verdict;
  const same = last?.length === 1 && next.verdict.length === 1 && last[0]?.k === next.verdict[0]?.k;
  if (!same) intervals.push(next);
}

function verdictsByNumber(profile: Seccomp, arch: SeccompArch): Map<number, Instruction[]> {
  const numbers = syscallNumbers(arch);
  const verdicts = new Map<number, Instruction[]>();
  const conditional = new Map<number, SeccompRule[]>();
  for (const rule of profile.syscalls ?? []) {
    const value = retOf(rule.action, rule.errnoRet);
    if (value === defaultOf(profile)) continue;
    const plain = (rule.args ?? []).length === 0 ? [ret(value)] : undefined;
    for (const name of rule.names) {
      const number = numbers.get(name);
      if (number === undefined) continue;
      if (plain === undefined) conditional.set(number, [...(conditional.get(number) ?? []), rule]);
      else if (!verdicts.has(number)) verdicts.set(number, plain);
    }
  }
  for (const [number, rules] of conditional) {
    if (!verdicts.has(number)) verdicts.set(number, byArguments(rules, profile));
  }
  return verdicts;
}

/** The verdict on a call that no rule names without arguments. */
function byArguments(rules: readonly SeccompRule[], profile: Seccomp): Instruction[] {
  const tests = rules.flatMap((rule) =>
    matchArguments(rule.args ?? [], ret(retOf(rule.action, rule.errnoRet))),
  );
  return [...tests, ret(defaultOf(profile))];
}

/** SECCOMP_RET_… of include/uapi/linux/seccomp.h. */
const RET: Record<SeccompAction, number> = {
  SCMP_ACT_KILL: 0,
  SCMP_ACT_KILL_THREAD: 0,
  SCMP_ACT_KILL_PROCESS: 0x8000_0000,
  SCMP_ACT_TRAP: 0x0003_0000,
  SCMP_ACT_ERRNO: 0x0005_0000,
  SCMP_ACT_TRACE: 0x7ff0_0000,
  SCMP_ACT_LOG: 0x7ffc_0000,
  SCMP_ACT_ALLOW: 0x7fff_0000,
};

const MAX_ERRNO = 4095;

function retOf(action: SeccompAction, data: number | undefined): number {
  const value = RET[action];
  if (value === undefined)
    throw new FathomError("invalid", `the seccomp profile has an unknown action: ${action}`);
  if (action !== "SCMP_ACT_ERRNO" && action !== "SCMP_ACT_TRACE") return value;
  const errno = data ?? ERRNO.EPERM;
  if (errno > MAX_ERRNO)
    throw new FathomError("invalid", `the seccomp profile has an errnoRet above ${MAX_ERRNO}: ${errno}`);
  return value + errno;
}

function defaultOf(profile: Seccomp): number {
  return retOf(profile.defaultAction, profile.defaultErrnoRet);
}

const PERMISSIVE: ReadonlySet<SeccompAction> = new Set(["SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRACE"]);

/** The verdict on calls that are newer than the profile. */
function beyondOf(profile: Seccomp): number {
  return PERMISSIVE.has(profile.defaultAction) ? defaultOf(profile) : retOf("SCMP_ACT_ERRNO", ERRNO.ENOSYS);
}
