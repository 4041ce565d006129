/**
 * The keys that detach a user from a terminal, written as Docker writes them: `ctrl-p,ctrl-q`, plain characters among them
 * (`ctrl-a,d`).
 */

import { FathomError } from "./errors.ts";

export const DEFAULT_DETACH_KEYS = "ctrl-p,ctrl-q";

/** ASCII 27 to 31 and 0, by the key that makes each with ctrl. */
const CONTROL_SIGNS: Record<string, number> = { "@": 0, "[": 27, "\\": 28, "]": 29, "^": 30, _: 31 };

/**
 * The bytes of a sequence in Docker's notation.
 * @throws {FathomError} invalid, when a part is neither one ASCII character nor `ctrl-` and a letter or one of `@[\]^_`.
 */
export function parseDetachKeys(keys: string): Uint8Array {
  return Uint8Array.from(keys.split(","), (key) => {
    const code = key.length === 1 ? key.charCodeAt(0) : controlCode(key);
    if (code === undefined || code > 127)
      throw new FathomError(
        "invalid",
        `invalid detach keys (${keys}): unknown key "${key}"; write a character or ctrl- and one of a-z @ [ \\ ] ^ _`,
      );
    return code;
  });
}

function controlCode(key: string): number | undefined {
  if (key.length !== 6 || !key.startsWith("ctrl-")) return undefined;
  const letter = key.charAt(5);
  if (letter >= "a" && letter <= "z") return letter.charCodeAt(0) - 96;
  return CONTROL_SIGNS[letter];
}
