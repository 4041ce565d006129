/** Names and IDs of containers: the rule for names, and made-up ones. */

import { randomBytes, randomInt } from "node:crypto";
import { FathomError } from "../std/errors.ts";
import { ADJECTIVES, SURNAMES } from "./_words.ts";

const SHORT = 12;

/**
 * A name without the slash that Docker writes before it.
 * @throws {FathomError} invalid, in Docker's words.
 */
export function checkName(name: string): string {
  const bare = name.replace(/^\//, "");
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(bare)) return bare;
  throw new FathomError(
    "invalid",
    `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
  );
}

/** `curious_noether`; with a number behind it once the plain ones are taken too often. */
export function inventName(isTaken: (name: string) => boolean): string {
  for (let attempt = 0; ; attempt++) {
    const name = `${pick(ADJECTIVES)}_${pick(SURNAMES)}${attempt < 6 ? "" : randomInt(10 ** Math.min(attempt, 12))}`;
    if (!isTaken(name)) return name;
  }
}

function pick(words: readonly string[]): string {
  return words[randomInt(words.length)] ?? "";
}

/** 64 hexadecimal digits. The first twelve are never digits alone, so that they cannot be taken for a number. */
export function inventId(): string {
  for (;;) {
    const id = randomBytes(32).toString("hex");
    if (/\D/.test(shortId(id))) return id;
  }
}

/** The first twelve digits, as lists show them and host names have them. */
export function shortId(id: string): string {
  return id.slice(0, SHORT);
}
