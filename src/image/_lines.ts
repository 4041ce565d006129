/** Which line of its history made each layer of an image, as a Dockerfile would have it: pure. */

import type { LayerLine } from "../spec/image_layers.ts";
import type { ImageConfig } from "../spec/oci_image.ts";

/** Bottom first. Where the history does not tell of as many layers as there are, lines are not told. */
export function layerLines({ rootfs, history = [] }: ImageConfig): LayerLine[] {
  const made = history.flatMap(({ empty_layer, created_by = "", comment = "" }, at) =>
    empty_layer === true ? [] : [{ Line: at + 1, Instruction: instructionOf(created_by) || comment }],
  );
  const isTold = made.length === rootfs.diff_ids.length;
  return rootfs.diff_ids.map((DiffId, at) => ({
    Layer: at + 1,
    DiffId,
    ...((isTold ? made[at] : undefined) ?? { Line: 0, Instruction: "" }),
  }));
}

const NOP = /^\/bin\/sh -c #\(nop\)\s+/;
const SHELL = /^(?:\/bin\/)?sh -c\s+/;
const BUILDKIT = /\s+# buildkit$/;

/** Docker's builder writes what it ran, BuildKit the instruction with the shell in it. */
export function instructionOf(createdBy: string): string {
  const text = createdBy.replace(BUILDKIT, "").trim();
  if (NOP.test(text)) return text.replace(NOP, "");
  if (SHELL.test(text)) return `RUN ${text.replace(SHELL, "")}`;
  return text.replace(/^RUN (?:\|\d+ (?:\S+=\S* )*)?\/bin\/sh -c /, "RUN ");
}
