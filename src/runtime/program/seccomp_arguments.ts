/** Comparisons of system call arguments, which are 64 bits wide, by a machine whose accumulator holds 32. */

import type { SeccompArgument } from "../../spec/oci_runtime.ts";
import { FathomError } from "../../std/errors.ts";
import { BPF, DATA, type Instruction, load } from "./bpf.ts";

/** A jump goes on with the next instruction, past this comparison (it holds), or past the rule (it does not). */
type Target = "next" | "holds" | "fails";
type Step = Instruction | { code: number; k: number; yes: Target; no: Target };

const MOST_ARGUMENTS = 6;
const WORD = 2n ** 64n;

/**
 * Instructions that end in `verdict` when the conditions hold, and otherwise go on behind it.
 * Where an index occurs more than once, any one condition suffices (as runc reads the specification); else all must hold.
 */
export function matchArguments(conditions: readonly SeccompArgument[], verdict: Instruction): Instruction[] {
  const indexes = new Set(conditions.map(({ index }) => index));
  if (indexes.size === conditions.length) return conjunction(conditions, verdict);
  return conditions.flatMap((condition) => conjunction([condition], verdict));
}

function conjunction(conditions: readonly SeccompArgument[], verdict: Instruction): Instruction[] {
  const comparisons = conditions.map(compare);
  const length = comparisons.reduce((sum, steps) => sum + steps.length, 0) + 1;
  const instructions: Instruction[] = [];
  for (const steps of comparisons) {
    const end = instructions.length + steps.length;
    for (const step of steps) {
      const after = instructions.length + 1;
      const distance: Record<Target, number> = { next: 0, holds: end - after, fails: length - after };
      if ("yes" in step)
        instructions.push({ code: step.code, k: step.k, jt: distance[step.yes], jf: distance[step.no] });
      else instructions.push(step);
    }
  }
  return [...instructions, verdict];
}

/** One comparison: the high halves first, and the low ones only where those leave it open. */
function compare(condition: SeccompArgument): Step[] {
  const { index, op } = condition;
  if (!(Number.isInteger(index) && index >= 0 && index < MOST_ARGUMENTS))
    throw new FathomError("invalid", `the seccomp profile compares argument ${index}; there are 0 to 5`);
  const low = DATA.args + 8 * index;
  const high = low + 4;
  const value = halves(condition.value);
  switch (op) {
    case "SCMP_CMP_EQ":
      return [
        load(high),
        jump(BPF.JEQ, value.high, "next", "fails"),
        load(low),
        jump(BPF.JEQ, value.low, "next", "fails"),
      ];
    case "SCMP_CMP_NE":
      return [
        load(high),
        jump(BPF.JEQ, value.high, "next", "holds"),
        load(low),
        jump(BPF.JEQ, value.low, "fails", "next"),
      ];
    case "SCMP_CMP_GT":
      return ordered(BPF.JGT, { high, low, value, below: "fails", above: "holds" });
    case "SCMP_CMP_GE":
      return ordered(BPF.JGE, { high, low, value, below: "fails", above: "holds" });
    case "SCMP_CMP_LE":
      return ordered(BPF.JGT, { high, low, value, below: "holds", above: "fails" });
    case "SCMP_CMP_LT":
      return ordered(BPF.JGE, { high, low, value, below: "holds", above: "fails" });
    case "SCMP_CMP_MASKED_EQ":
      return masked({ high, low, mask: value, value: halves(condition.valueTwo ?? 0) });
    default:
      throw new FathomError("invalid", `the seccomp profile has an unknown comparison: ${String(op)}`);
  }
}

interface Halves {
  high: number;
  low: number;
}

function ordered(
  code: number,
  { high, low, value, below, above }: Halves & { value: Halves; below: Target; above: Target },
): Step[] {
  return [
    load(high),
    jump(BPF.JGT, value.high, above, "next"),
    jump(BPF.JEQ, value.high, "next", below),
    load(low),
    jump(code, value.low, above, below),
  ];
}

/** `(argument & mask) == value`; a half that is masked out and compared with 0 holds anyway. */
function masked({ high, low, mask, value }: Halves & { mask: Halves; value: Halves }): Step[] {
  const half = (offset: number, bits: number, wanted: number): Step[] =>
    bits === 0 && wanted === 0
      ? []
      : [load(offset), { code: BPF.AND, jt: 0, jf: 0, k: bits }, jump(BPF.JEQ, wanted, "next", "fails")];
  return [...half(high, mask.high, value.high), ...half(low, mask.low, value.low)];
}

function jump(code: number, k: number, yes: Target, no: Target): Step {
  return { code, k, yes, no };
}

/** JSON numbers above 2^53 come rounded, and the largest 64-bit value as 2^64: that one is meant to be all ones. */
function halves(value: number): Halves {
  if (!(Number.isInteger(value) && value >= 0))
    throw new FathomError(
      "invalid",
      `the seccomp profile compares with ${value}, which is not an unsigned number`,
    );
  const whole = BigInt(value) >= WORD ? WORD - 1n : BigInt(value);
  return { high: Number(whole >> 32n), low: Number(whole & 0xffff_ffffn) };
}
