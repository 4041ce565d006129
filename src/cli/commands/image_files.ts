/** `fathom image ls-layer`, `files` and `diff`, which Docker does not have: what layers hold, file by file. */

import type { FileDifference, FoundFile, FoundFiles, LayerFile } from "../../spec/image_layers.ts";
import { type Context, defineCommand } from "../command.ts";
import { UsageError } from "../errors.ts";
import { lineText, modeText, nameText, sizeText } from "../format/layers.ts";
import { segment } from "../http/client.ts";
import { jsonLines } from "../json_lines.ts";
import { print, printError, writeTo } from "../output.ts";

const FORMAT = { type: "string", help: "'json', or text" } as const;

function checkFormat(format: string | undefined): void {
  if (format && format !== "json")
    throw new UsageError(`unknown format ${JSON.stringify(format)}: it is json or none`);
}

interface Listing<T> {
  query: Record<string, string>;
  format: string | undefined;
  line: (one: T) => string;
}

/** Prints what comes as it comes: an image may have a million files. */
async function list<T>(
  { client }: Context,
  path: string,
  { query, format, line }: Listing<T>,
): Promise<number> {
  const reply = await client.send("GET", path, { query });
  for await (const one of jsonLines<T>(reply.body)) {
    const text = format === "json" ? `${JSON.stringify(one)}\n` : `${line(one)}\n`;
    await writeTo("stdout", Buffer.from(text));
  }
  return 0;
}

export const listLayer = defineCommand({
  usage: "image ls-layer [OPTIONS] IMAGE LAYER",
  operands: { min: 2, max: 2 },
  flags: { format: FORMAT },
  async run(context, { flags: { format }, operands: [image = "", layer = ""] }) {
    checkFormat(format);
    const path = `/images/${segment(image)}/layer-files`;
    return list<LayerFile>(context, path, { query: { layer }, format, line: fileLine });
  },
});

function fileLine(file: LayerFile): string {
  const { Path, Change, Kind, Uid, Gid, Size, ModTime, Target, Opaque } = file;
  if (Change === "deleted") {
    const what =
      Kind === undefined ? "what is not there" : `${Kind}${Size > 0 ? ` of ${sizeText(Size)}` : ""}`;
    return `deleted    ${nameText(Path)} (${what})`;
  }
  const time = ModTime.slice(0, 16).replace("T", " ");
  const lead = Target === undefined ? "" : ` -> ${nameText(Target)}`;
  const hides = Opaque ? " (hides what was there)" : "";
  const columns = [modeText(file), `${Uid}:${Gid}`.padStart(9), String(Size).padStart(11), time];
  return `${columns.join(" ")} ${nameText(Path)}${lead}${hides}`;
}

export const findFiles = defineCommand({
  usage: "image files [OPTIONS] IMAGE",
  operands: { min: 1, max: 1 },
  flags: {
    find: { type: "string", help: "A path, or a pattern; without a slash a name in any directory" },
    format: FORMAT,
  },
  async run({ client }, { flags: { find, format }, operands: [image = ""] }) {
    checkFormat(format);
    if (!find) throw new UsageError("say which files: --find /etc/passwd, --find '*.so'");
    const found = await client.json<FoundFiles>("GET", `/images/${segment(image)}/find-files`, {
      query: { path: find },
    });
    if (format === "json") print(`${JSON.stringify(found, null, 2)}\n`);
    else print(found.Files.map(foundText).join(""));
    if (found.Truncated) printError("There are more: only the first are told.\n");
    return found.Files.length === 0 ? 1 : 0;
  },
});

function foundText({ Path, Present, Changes }: FoundFile): string {
  const lines = Changes.map((change) => {
    const size = change.Kind === "file" ? ` (${sizeText(change.Size)})` : "";
    return `    ${change.Change.padEnd(7)} by ${lineText(change)}${size}\n`;
  });
  return `${nameText(Path)}${Present ? "" : " (not in the image any more)"}\n${lines.join("")}`;
}

export const diffImages = defineCommand({
  usage: "image diff [OPTIONS] IMAGE IMAGE",
  operands: { min: 2, max: 2 },
  flags: { format: FORMAT },
  async run(context, { flags: { format }, operands: [first = "", second = ""] }) {
    checkFormat(format);
    const path = `/images/${segment(first)}/diff`;
    return list<FileDifference>(context, path, { query: { to: second }, format, line: differenceLine });
  },
});

const SIGNS = { added: "A", changed: "C", deleted: "D" } as const;

function differenceLine({ Path, Change, Kind, What, Before, After }: FileDifference): string {
  const sizes = {
    added: sizeText(After),
    deleted: sizeText(Before),
    changed: Before === After ? sizeText(After) : `${sizeText(Before)} -> ${sizeText(After)}`,
  };
  const told = What.filter((what) => what !== "time").join(", ");
  const notes = [Kind === "file" ? sizes[Change] : "", told].filter(Boolean).join("; ");
  return `${SIGNS[Change]} ${nameText(Path)}${notes === "" ? "" : ` (${notes})`}`;
}
