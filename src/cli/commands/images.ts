/** `fathom images`. */

import type { ListedImage } from "../../spec/docker_image.ts";
import { defineCommand } from "../command.ts";
import { CommandError } from "../errors.ts";
import { IMAGE_HEADINGS, imageRows } from "../format/images.ts";
import { formatRows } from "../format/rows.ts";
import { checkFilter, filterQuery } from "../format/text.ts";
import { print } from "../output.ts";

export const command = defineCommand({
  usage: "images [OPTIONS] [REPOSITORY[:TAG]]",
  aliases: ["image ls", "image list", "images"],
  operands: { min: 0, max: 1 },
  flags: {
    all: { type: "bool", short: "a", help: "Show images that only others are built on too" },
    digests: { type: "bool", help: "Show digests" },
    filter: {
      type: "list",
      short: "f",
      shows: "filter",
      help: "Show only what matches NAME=VALUE",
      check: checkFilter,
    },
    format: { type: "string", help: "'table', 'table TEMPLATE', 'json', or a Go template" },
    "no-trunc": { type: "bool", help: "Leave nothing out" },
    quiet: { type: "bool", short: "q", help: "Show IDs only" },
    tree: { type: "bool", help: "Show what each image is stored as, and the images made from it below it" },
  },
  async run({ client }, { flags, operands }) {
    if (flags.tree) checkTree(flags);
    const filters = [...flags.filter, ...operands.map((name) => `reference=${name}`)];
    const { all, digests, tree } = flags;
    const images = await client.json<ListedImage[]>("GET", "/images/json", {
      query: { all, digests, manifests: tree, filters: filterQuery(filters) },
    });
    if (tree) {
      print((await import("../format/image_tree.ts")).imageTree(images));
      return 0;
    }
    const options = { whole: flags["no-trunc"], digests: flags.digests };
    // Of an image with several names, -q shows the ID once for each, as the docker command does.
    const rows = images.flatMap((image) => imageRows(image, options));
    print(formatRows({ rows, headings: IMAGE_HEADINGS, type: "*formatter.imageContext" }, layout(flags)));
    return 0;
  },
});

/** Docker's words. */
function checkTree(flags: Readonly<Record<string, unknown>>): void {
  for (const name of ["no-trunc", "quiet", "digests", "format"])
    if (flags[name]) throw new CommandError(`--${name} is not yet supported with --tree`);
}

function layout({
  format,
  quiet,
  digests,
}: {
  format: string | undefined;
  quiet: boolean;
  digests: boolean;
}): string {
  if (format && format !== "table") return format;
  if (quiet) return "{{.ID}}";
  const digest = digests ? "{{.Digest}}\t" : "";
  return `table {{.Repository}}\t{{.Tag}}\t${digest}{{.ID}}\t{{.CreatedSince}}\t{{.Size}}`;
}
