/** Signals by name and number, as `docker kill` and STOPSIGNAL take them. */

import { constants } from "node:os";
import { FathomError } from "../std/errors.ts";

export const SIGKILL = 9;
export const SIGTERM = 15;
const SIGRTMIN = 34;
const SIGRTMAX = 64;

/**
 * The number of `TERM`, `SIGTERM`, `sigterm`, `15`, `RTMIN+3` or `RTMAX-1`.
 * @throws {FathomError} invalid, in Docker's words.
 */
export function parseSignal(text: string): number {
  const number = /^\d+$/.test(text) ? Number(text) : named(text.toUpperCase().replace(/^SIG/, ""));
  if (number === undefined || number < 1 || number > SIGRTMAX)
    throw new FathomError("invalid", `Invalid signal: ${text}`);
  return number;
}

/** `SIGTERM` of 15; a number that has no name as it is. */
export function signalName(number: number): string {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? `signal ${number}`;
}

function named(name: string): number | undefined {
  const realTime = /^RT(MIN|MAX)(?:([+-])(\d+))?$/.exec(name);
  if (realTime === null) return new Map<string, number>(Object.entries(constants.signals)).get(`SIG${name}`);
  const [, end, sign, distance = "0"] = realTime;
  const number = end === "MIN" ? SIGRTMIN + Number(distance) : SIGRTMAX - Number(distance);
  const inwards = sign === undefined || (sign === "+") === (end === "MIN");
  return inwards && number >= SIGRTMIN && number <= SIGRTMAX ? number : undefined;
}
