/** `fathom image why-big`, which Docker does not have: what takes the room of an image, and what would take less. */

import type { WhyBig } from "../../spec/image_layers.ts";
import { layOutTable } from "../../std/text_table.ts";
import { defineCommand } from "../command.ts";
import { UsageError } from "../errors.ts";
import { lineText, nameText, sizeText } from "../format/layers.ts";
import { segment } from "../http/client.ts";
import { print } from "../output.ts";

export const command = defineCommand({
  usage: "image why-big [OPTIONS] IMAGE",
  operands: { min: 1, max: 1 },
  flags: { format: { type: "string", help: "'table' or 'json'" } },
  async run({ client }, { flags: { format }, operands: [image = ""] }) {
    if (format && format !== "json" && format !== "table")
      throw new UsageError(`unknown format ${JSON.stringify(format)}: it is table or json`);
    const why = await client.json<WhyBig>("GET", `/images/${segment(image)}/why-big`);
    print(format === "json" ? `${JSON.stringify(why, null, 2)}\n` : tell(why, image));
    return 0;
  },
});

function tell(why: WhyBig, image: string): string {
  const rows = why.Layers.map((line) =>
    [sizeText(line.Size), line.Unseen > 0 ? sizeText(line.Unseen) : "-", line.Files, lineText(line)].join(
      "\t",
    ),
  );
  const table = layOutTable(`${["SIZE\tUNSEEN\tFILES\tLINE OF THE HISTORY", ...rows].join("\n")}\n`);
  const parts = [
    part("Written, and not seen in the end:", why.Unseen.map(unseenText)),
    part("Kept for a next time that does not come:", why.Caches.map(cacheText)),
    part("The same content more than once:", why.Duplicates.map(duplicateText)),
  ];
  return [table, ...parts, `\n${sumText(why, image)}\n`].join("");
}

function part(heading: string, lines: readonly string[]): string {
  return lines.length === 0 ? "" : `\n${heading}\n${lines.join("")}`;
}

const lineName = (line: number): string => (line === 0 ? "some layer" : `line ${line}`);

function unseenText({ Written, Hidden, Bytes, Files, Largest, Mend }: WhyBig["Unseen"][number]): string {
  const which = Files === 1 ? nameText(Largest) : `${Files} files, the largest ${nameText(Largest)}`;
  return `  ${sizeText(Bytes)} by ${lineName(Written)}, hidden by ${lineName(Hidden)}: ${which}\n      ${Mend}\n`;
}

function cacheText({ What, Line, Bytes, Files, Mend }: WhyBig["Caches"][number]): string {
  return `  ${sizeText(Bytes)} of ${What} by ${lineName(Line)}, ${Files} files\n      ${Mend}\n`;
}

function duplicateText({ Bytes, Paths, Copies }: WhyBig["Duplicates"][number]): string {
  const more = Copies > Paths.length ? `, and ${Copies - Paths.length} more` : "";
  return `  ${sizeText(Bytes)}: ${Paths.map(nameText).join(" = ")}${more}\n`;
}

function sumText({ Size, SquashSaves }: WhyBig, image: string): string {
  if (SquashSaves === 0) return `${sizeText(Size)} in all, and all of it is seen.`;
  return `${sizeText(Size)} in all. A squash saves ${sizeText(SquashSaves)}: fathom squash -t NAME ${nameText(image)}`;
}
