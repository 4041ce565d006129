/** Files of layers, and sizes, as people read them. */

import type { FileKind, LayerFile, LayerLine } from "../../spec/image_layers.ts";
import { formatDecimalSize } from "../../std/units.ts";

export const sizeText = (bytes: number): string => formatDecimalSize(bytes, 4);

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** A name that would move the cursor, begin another line or turn the text round is quoted, as in JSON. */
export function nameText(name: string): string {
  if (name.search(CONTROL) < 0) return name;
  const escaped = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(name).replace(CONTROL, escaped);
}

const LETTERS: Readonly<Record<FileKind, string>> = {
  file: "-",
  directory: "d",
  symlink: "l",
  character: "c",
  block: "b",
  fifo: "p",
  socket: "s",
};

/** `drwxr-xr-x`, as ls(1) has it. */
export function modeText({ Kind = "file", Mode }: Pick<LayerFile, "Kind" | "Mode">): string {
  const bits = [..."rwxrwxrwx"].map((letter, at) => ((Mode >> (8 - at)) & 1 ? letter : "-"));
  const special: [bit: number, at: number, letter: string][] = [
    [0o4000, 2, "s"],
    [0o2000, 5, "s"],
    [0o1000, 8, "t"],
  ];
  for (const [bit, at, letter] of special)
    if (Mode & bit) bits[at] = bits[at] === "-" ? letter.toUpperCase() : letter;
  return LETTERS[Kind] + bits.join("");
}

const WIDEST = 60;

/** Which line of the history it was, and what it says, cut short. */
export function lineText({ Line, Layer, Instruction }: LayerLine, widest = WIDEST): string {
  const text = nameText(Instruction.replace(/\s+/g, " "));
  const cut = text.length > widest ? `${text.slice(0, widest - 1)}…` : text;
  return `${Line === 0 ? `layer ${Layer}` : `line ${Line}`}${cut === "" ? "" : `: ${cut}`}`;
}
