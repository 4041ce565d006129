/** Finds the key sequence that detaches a user from a terminal; keys that begin it are held back until it is clear that they are not it. */

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
