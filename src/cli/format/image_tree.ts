/** Images as a tree: `images --tree`. Below each its platforms, and the images that were made from it. */

import type { ListedImage } from "../../spec/docker_image.ts";
import { layOutTable } from "../../std/text_table.ts";
import { formatDecimalSize } from "../../std/units.ts";
import { shortId } from "./text.ts";

const HEADING = ["IMAGE", "ID", "DISK USAGE", "CONTENT SIZE", "IN USE"];

export function imageTree(images: readonly ListedImage[]): string {
  const here = new Set(images.map(({ Id }) => Id));
  const children = Map.groupBy(images, ({ ParentId }) => (here.has(ParentId) ? ParentId : ""));
  const lines = [HEADING.join("\t")];
  const add = (image: ListedImage, [first, further]: readonly [string, string]): void => {
    for (const [at, name] of namesOf(image).entries())
      lines.push(at === 0 ? rowOf(image, first + name) : `${further}${name}\t\t\t\t`);
    const below = children.get(image.Id) ?? [];
    const platforms = image.Manifests ?? [];
    for (const [at, { ID, ImageData, Size }] of platforms.entries()) {
      const branch = at < platforms.length - 1 || below.length > 0 ? "├─ " : "└─ ";
      const { os, architecture, variant } = ImageData.Platform;
      const name = [os, architecture, variant].filter(Boolean).join("/");
      lines.push(
        [
          further + branch + name,
          shortId(ID),
          size(Size.Total),
          size(Size.Content),
          used(ImageData.Containers),
        ].join("\t"),
      );
    }
    for (const [at, child] of below.entries())
      add(
        child,
        at < below.length - 1 ? [`${further}├─ `, `${further}│  `] : [`${further}└─ `, `${further}   `],
      );
  };
  for (const image of children.get("") ?? []) add(image, ["", ""]);
  return layOutTable(`${lines.join("\n")}\n`);
}

function namesOf({ RepoTags }: ListedImage): string[] {
  const names = RepoTags.filter((tag) => tag !== "<none>:<none>");
  return names.length === 0 ? ["<untagged>"] : names;
}

function rowOf({ Id, Size, Manifests = [] }: ListedImage, name: string): string {
  const sum = (count: (one: (typeof Manifests)[number]) => number) =>
    Manifests.reduce((total, one) => total + count(one), 0);
  const total = Manifests.length === 0 ? Size : sum((one) => one.Size.Total);
  const containers = Manifests.flatMap(({ ImageData }) => ImageData.Containers);
  return [name, shortId(Id), size(total), size(sum((one) => one.Size.Content)), used(containers)].join("\t");
}

const size = (bytes: number): string => formatDecimalSize(bytes, 3);
const used = (containers: readonly string[]): string => (containers.length > 0 ? "U" : "");
