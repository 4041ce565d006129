/** Steps in short lines. */

import type { Step } from "../spec/receipt.ts";
import { COLUMNS, cut, duration, printable } from "./_text.ts";

/** Longest an argument is shown: enough for a path, too little for a filter's bytes. */
const ARGUMENT = 48;

/** One line for steps that serve one purpose: `make tmpfs for /dev: fsopen, 4 fsconfig, fsmount`. */
function lineOf(steps: readonly Step[], first: Step): string {
  const step = steps[0] ?? first;
  const since = duration(Number(BigInt(step.at) - BigInt(first.at)));
  const head = `+${since.padStart(10)}  ${step.by.padEnd(9)}  ${step.what === undefined ? "" : `${step.what}: `}`;
  return cut(printable(`${head}${steps.length === 1 ? resultOf(step) : callCounts(steps)}`), COLUMNS);
}

/**
 * Steps as lines of at most 100 columns: `+   1.24 ms  container  mount /proc: mount("proc", "/proc") = 0`, the time counted from
 * the receipt's first step. Those that come one behind another for the same purpose share a line; failures that were allowed
 * for, after which nothing is different, have none.
 */
export function linesOf(steps: readonly Step[], first: Step): string[] {
  const groups: Step[][] = [];
  for (const step of steps.filter(({ allowed }) => allowed !== true)) {
    const last = groups.at(-1);
    if (last?.[0] !== undefined && belongTogether(last[0], step)) last.push(step);
    else groups.push([step]);
  }
  return groups.map((group) => lineOf(group, first));
}

function belongTogether(one: Step, next: Step): boolean {
  const failed = one.error !== undefined || next.error !== undefined;
  return !failed && one.what !== undefined && one.what === next.what && one.by === next.by;
}

/** `fsopen, 4 fsconfig, fsmount`, in the order in which each came first. */
function callCounts(steps: readonly Step[]): string {
  const counts = new Map<string, number>();
  for (const { call } of steps) counts.set(call, (counts.get(call) ?? 0) + 1);
  return [...counts].map(([call, count]) => (count === 1 ? call : `${count} ${call}`)).join(", ");
}

/** The call and its result as strace would write them: `mount("proc", "/proc") = -1 EPERM`. */
function resultOf(step: Step): string {
  return `${callOf(step)} = ${step.error === undefined ? step.result : `-1 ${step.error}`}`;
}

/** `mount("proc", "/proc")`, long arguments cut. */
export function callOf({ call, args }: Step): string {
  return `${call}(${args.map((argument) => cut(argument, ARGUMENT)).join(", ")})`;
}
