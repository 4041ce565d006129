/** One step as one line. */

import type { Step } from "../spec/receipt.ts";
import { COLUMNS, cut, duration, printable } from "./_text.ts";

/** Longest an argument is shown: enough for a path, too little for a filter's bytes. */
const ARGUMENT = 48;

/** `+   1.24 ms  container  mount("proc", "/proc", …) = 0  mount /proc`, the time counted from the receipt's first step. */
export function lineOf(step: Step, first: Step): string {
  const since = duration(Number(BigInt(step.at) - BigInt(first.at)));
  const head = `+${since.padStart(10)}  ${step.by.padEnd(9)}  `;
  return cut(printable(`${head}${callOf(step)}${step.what === undefined ? "" : `  ${step.what}`}`), COLUMNS);
}

/** The call as strace would write it: `mount("proc", "/proc", …) = -1 EPERM`. */
export function callOf(step: Step): string {
  const args = step.args.map((argument) => cut(argument, ARGUMENT)).join(", ");
  return `${step.call}(${args}) = ${step.error === undefined ? step.result : `-1 ${step.error}`}`;
}
