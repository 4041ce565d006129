/**
 * Finds the key sequence that detaches a user from a terminal.
 *
 * Keys are written as Docker writes them: `ctrl-p,ctrl-q`, plain characters among them (`ctrl-a,d`). Keys that begin the
 * sequence are held back until it is clear that they are not it.
 */

import { FathomError } from "../std/errors.ts";

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

/** What a piece of input comes to: the bytes that are the program's, and whether the sequence was completed behind them. */
export interface Scanned {
  bytes: Uint8Array;
  detached: boolean;
}

/** A scanner for one input; it keeps how much of the sequence the last bytes were. */
export function detachScanner(sequence: Uint8Array): (input: Uint8Array) => Scanned {
  let matched = 0;
  return (input) => {
    const bytes: number[] = [];
    for (const byte of input) {
      const begun = matched;
      matched = advance(sequence, begun, byte);
      if (matched === sequence.length) return { bytes: Uint8Array.from(bytes), detached: true };
      // Held keys that are not the beginning any more, and the byte itself unless it is held now.
      const held = [...sequence.subarray(0, begun), byte];
      bytes.push(...held.slice(0, held.length - matched));
    }
    return { bytes: Uint8Array.from(bytes), detached: false };
  };
}

/** How many keys of the sequence the input ends with, after `byte` came behind the first `matched` of them. */
function advance(sequence: Uint8Array, matched: number, byte: number): number {
  const seen = [...sequence.subarray(0, matched), byte];
  for (let length = seen.length; length > 0; length -= 1) {
    const end = seen.slice(seen.length - length);
    if (end.every((key, index) => key === sequence[index])) return length;
  }
  return 0;
}
