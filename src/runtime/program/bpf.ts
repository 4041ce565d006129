/**
 * Classic BPF as seccomp filters use it: instructions, and the decision trees that find a system call's verdict.
 *
 * Source: include/uapi/linux/filter.h, bpf_common.h and seccomp.h (struct seccomp_data).
 */

/** One instruction: `jt` and `jf` count the instructions to skip when a jump's condition is true or false. */
export interface Instruction {
  code: number;
  jt: number;
  jf: number;
  k: number;
}

/** The operations that filters here are made of; `LD` loads 32 bits of struct seccomp_data into the accumulator. */
export const BPF = {
  LD: 0x20,
  AND: 0x54,
  JA: 0x05,
  JEQ: 0x15,
  JGT: 0x25,
  JGE: 0x35,
  RET: 0x06,
} as const;

/** Offsets in struct seccomp_data; argument n stands at `args` + 8n, its low half first (all processors here are little-endian). */
export const DATA = { nr: 0, arch: 4, args: 16 } as const;

/** The most instructions a filter may have (BPF_MAXINSNS). */
export const MAX_INSTRUCTIONS = 4096;

export const load = (offset: number): Instruction => ({ code: BPF.LD, jt: 0, jf: 0, k: offset });
export const ret = (value: number): Instruction => ({ code: BPF.RET, jt: 0, jf: 0, k: value });

/** How far a conditional jump reaches. */
const REACH = 255;

/** `if (accumulator OP k) yes else no`, where both branches end in a RET or fall through to what follows `no`. */
export function branch(
  code: number,
  k: number,
  { yes, no }: { yes: Instruction[]; no: Instruction[] },
): Instruction[] {
  if (no.length <= REACH) return [{ code, jt: no.length, jf: 0, k }, ...no, ...yes];
  return [{ code, jt: 0, jf: 1, k }, { code: BPF.JA, jt: 0, jf: 0, k: no.length }, ...no, ...yes];
}

/** Numbers from `from` up to the next interval's, all with the same verdict. */
export interface Interval {
  from: number;
  verdict: Instruction[];
}

/** A binary search for the accumulator's interval. Intervals are sorted, the first begins at 0, every verdict ends in a RET. */
export function decide(intervals: readonly Interval[]): Instruction[] {
  const program: Instruction[] = [];
  emit(intervals, { from: 0, to: intervals.length }, program);
  return program;
}

interface Range {
  from: number;
  to: number;
}

/** Appends the search among a range of intervals; the lower half follows its comparison, so only a jump to the upper has a distance. */
function emit(intervals: readonly Interval[], { from, to }: Range, program: Instruction[]): void {
  if (to - from === 1) {
    program.push(...(intervals[from]?.verdict ?? []));
    return;
  }
  const middle = (from + to) >> 1;
  const distance = sizeOf(intervals, { from, to: middle });
  const k = intervals[middle]?.from ?? 0;
  if (distance <= REACH) program.push({ code: BPF.JGE, jt: distance, jf: 0, k });
  else program.push({ code: BPF.JGE, jt: 0, jf: 1, k }, { code: BPF.JA, jt: 0, jf: 0, k: distance });
  emit(intervals, { from, to: middle }, program);
  emit(intervals, { from: middle, to }, program);
}

function sizeOf(intervals: readonly Interval[], { from, to }: Range): number {
  if (to - from === 1) return intervals[from]?.verdict.length ?? 0;
  const middle = (from + to) >> 1;
  const lower = sizeOf(intervals, { from, to: middle });
  return (lower <= REACH ? 1 : 2) + lower + sizeOf(intervals, { from: middle, to });
}

/** The instructions as struct sock_filter, 8 bytes each. */
export function encode(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(program.length * 8));
  const view = new DataView(bytes.buffer);
  program.forEach(({ code, jt, jf, k }, index) => {
    view.setUint16(index * 8, code, true);
    view.setUint8(index * 8 + 2, jt);
    view.setUint8(index * 8 + 3, jf);
    view.setUint32(index * 8 + 4, k, true);
  });
  return bytes;
}
