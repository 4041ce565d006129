/**
 * Which devices a control group of version 2 may use: a BPF program, since v2 has no control file for it.
 *
 * Source: BPF_PROG_TYPE_CGROUP_DEVICE in include/uapi/linux/bpf.h, Documentation/bpf/standardization/instruction-set.rst.
 */

import type { DeviceRule } from "../spec/oci_runtime.ts";
import { named } from "./call.ts";
import { owned } from "./file.ts";
import { AT, O } from "./flags.ts";
import { check, perform, sys } from "./syscall.ts";

/** Opcodes: class, operation and operand in one byte. */
const OP = {
  LOAD_WORD: 0x61,
  AND: 0x54,
  SHIFT_RIGHT: 0x74,
  COPY: 0xbc,
  SET: 0xb7,
  JUMP_IF_EQUAL: 0x15,
  JUMP_IF_NOT_EQUAL: 0x55,
  EXIT: 0x95,
} as const;

/** The register of the answer, of the context (then free), and where the prologue puts what is asked. */
const R = { answer: 0, context: 1, free: 1, access: 2, type: 3, major: 4, minor: 5 } as const;

interface Instruction {
  op: number;
  to?: number;
  from?: number;
  offset?: number;
  value?: number;
}

const TYPE = { a: 0, b: 1, c: 2 } as const;
const ACCESS: Readonly<Record<string, number>> = { m: 1, r: 2, w: 4 };
const ALL_ACCESS = 7;

/**
 * The program's instructions: the last rule that matches decides, and what none matches is allowed, as in v1. A request matches a
 * rule that allows if the rule covers all of it, and one that denies if the rule touches any of it.
 */
function deviceProgram(rules: readonly DeviceRule[]): Uint8Array {
  const program = prologue();
  for (const rule of united(rules).toReversed()) {
    const conditions = conditionsOf(rule);
    program.push(...withTargets(conditions), ...answer(rule.allow));
    if (conditions.length === 0) return encode(program); // nothing behind it can be reached, which the kernel refuses
  }
  return encode([...program, ...answer(true)]);
}

/**
 * Rules that allow the same device, with none between them that denies, as one: who may read and may write by two rules may open
 * for both at once, as in v1.
 */
function united(rules: readonly DeviceRule[]): DeviceRule[] {
  const result: DeviceRule[] = [];
  for (const rule of rules) {
    const since = result.findLastIndex(({ allow }) => !allow) + 1;
    const same = rule.allow ? result.findIndex((one, at) => at >= since && isSameDevice(one, rule)) : -1;
    const before = result[same];
    if (before === undefined) result.push(rule);
    else result[same] = { ...before, access: (before.access ?? "rwm") + (rule.access ?? "rwm") };
  }
  return result;
}

function isSameDevice(one: DeviceRule, other: DeviceRule): boolean {
  const key = ({ type = "a", major = -1, minor = -1 }: DeviceRule) => [type, major, minor].join();
  return key(one) === key(other);
}

/** struct bpf_cgroup_dev_ctx: access in the upper and type in the lower half of the first word, major, minor. */
function prologue(): Instruction[] {
  return [
    { op: OP.LOAD_WORD, to: R.access, from: R.context, offset: 0 },
    { op: OP.LOAD_WORD, to: R.major, from: R.context, offset: 4 },
    { op: OP.LOAD_WORD, to: R.minor, from: R.context, offset: 8 },
    { op: OP.COPY, to: R.type, from: R.access },
    { op: OP.AND, to: R.type, value: 0xffff },
    { op: OP.SHIFT_RIGHT, to: R.access, value: 16 },
  ];
}

/** Tests that jump past the rule when it does not match; their targets are still open. */
function conditionsOf({
  type = "a",
  major = -1,
  minor = -1,
  access = "rwm",
  allow,
}: DeviceRule): Instruction[] {
  if (type === "a") return [];
  const mask = [...access].reduce((bits, letter) => bits | (ACCESS[letter] ?? 0), 0);
  return [
    { op: OP.JUMP_IF_NOT_EQUAL, to: R.type, value: TYPE[type] },
    ...(mask === ALL_ACCESS ? [] : accessConditions(mask, allow)),
    ...(major < 0 ? [] : [{ op: OP.JUMP_IF_NOT_EQUAL, to: R.major, value: major }]),
    ...(minor < 0 ? [] : [{ op: OP.JUMP_IF_NOT_EQUAL, to: R.minor, value: minor }]),
  ];
}

function accessConditions(mask: number, allow: boolean): Instruction[] {
  return [
    { op: OP.COPY, to: R.free, from: R.access },
    { op: OP.AND, to: R.free, value: allow ? ALL_ACCESS & ~mask : mask },
    { op: allow ? OP.JUMP_IF_NOT_EQUAL : OP.JUMP_IF_EQUAL, to: R.free, value: 0 },
  ];
}

/** Lets each jump lead behind the rule's answer of two instructions. */
function withTargets(conditions: readonly Instruction[]): Instruction[] {
  return conditions.map((instruction, index) => {
    const jumps = instruction.op === OP.JUMP_IF_EQUAL || instruction.op === OP.JUMP_IF_NOT_EQUAL;
    return jumps ? { ...instruction, offset: conditions.length - index + 1 } : instruction;
  });
}

function answer(allow: boolean): Instruction[] {
  return [{ op: OP.SET, to: R.answer, value: allow ? 1 : 0 }, { op: OP.EXIT }];
}

/** struct bpf_insn: opcode, two registers of four bits, offset, immediate value. */
function encode(program: readonly Instruction[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(program.length * 8));
  for (const [index, { op, to = 0, from = 0, offset = 0, value = 0 }] of program.entries()) {
    view.setUint8(index * 8, op);
    view.setUint8(index * 8 + 1, (from << 4) | to);
    view.setInt16(index * 8 + 2, offset, true);
    view.setInt32(index * 8 + 4, value, true);
  }
  return new Uint8Array(view.buffer);
}

const BPF = { PROG_LOAD: 5, PROG_ATTACH: 8 } as const;
const PROG_TYPE_CGROUP_DEVICE = 15;
const ATTACH_CGROUP_DEVICE = 6;
/** Programs of groups below are asked as well, not instead; without it the kernel refuses them (bpf(2), cgroup_bpf_attach). */
const F_ALLOW_MULTI = 2;

/**
 * Lets the processes of a group use only what the rules allow, on top of what the groups above allow. Groups below may be given rules
 * of their own, by an engine or an init system that runs in the container. @throws {SyscallError}
 */
export function limitDevices(directory: string, rules: readonly DeviceRule[]): void {
  const fd = sys("openat", AT.FDCWD, directory, O.RDONLY | O.DIRECTORY | O.CLOEXEC);
  using group = owned(check(fd, `open ${directory}`));
  using program = owned(load(deviceProgram(rules), rules.length));
  // union bpf_attr of BPF_PROG_ATTACH: target, program, type, flags.
  const attributes = new Uint32Array([group.fd, program.fd, ATTACH_CGROUP_DEVICE, F_ALLOW_MULTI]);
  const shown = `{target=${directory}, attach_type=BPF_CGROUP_DEVICE, flags=BPF_F_ALLOW_MULTI}`;
  perform({
    call: "bpf",
    args: [
      named(BPF.PROG_ATTACH, "BPF_PROG_ATTACH"),
      { kind: "bytes", bytes: new Uint8Array(attributes.buffer), shown },
      attributes.byteLength,
    ],
    what: "limit devices",
    see: `bpftool cgroup show ${directory}`,
  });
}

/** union bpf_attr of BPF_PROG_LOAD, bpf(2). */
function load(instructions: Uint8Array, rules: number): number {
  const attributes = new Uint8Array(new ArrayBuffer(72));
  const view = new DataView(attributes.buffer);
  view.setUint32(0, PROG_TYPE_CGROUP_DEVICE, true);
  view.setUint32(4, instructions.length / 8, true);
  view.setUint32(68, ATTACH_CGROUP_DEVICE, true);
  return perform({
    call: "bpf",
    args: [
      named(BPF.PROG_LOAD, "BPF_PROG_LOAD"),
      {
        kind: "struct",
        bytes: attributes,
        pointers: [
          { offset: 8, to: instructions },
          { offset: 16, to: LICENSE },
        ],
        shown: `{BPF_PROG_TYPE_CGROUP_DEVICE, ${rules} rules}`,
      },
      attributes.length,
    ],
    what: "load the rules for devices",
  });
}

/** The kernel wants one; nothing that the program calls depends on it. */
const LICENSE = new TextEncoder().encode("Apache-2.0\0");
