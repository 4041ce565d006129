/** Images as rows of `images`: one for each name, or one without a name. */

import type { ImageSummary } from "../../spec/docker.ts";
import type { Struct } from "../../std/go_template/mod.ts";
import { formatDecimalSize, formatSpan } from "../../std/units.ts";
import { goTime, shortId } from "./text.ts";

const NONE = "<none>";

export const IMAGE_HEADINGS: Struct = {
  Containers: "CONTAINERS",
  CreatedAt: "CREATED AT",
  CreatedSince: "CREATED",
  Digest: "DIGEST",
  ID: "IMAGE ID",
  Repository: "REPOSITORY",
  SharedSize: "SHARED SIZE",
  Size: "SIZE",
  Tag: "TAG",
  UniqueSize: "UNIQUE SIZE",
  VirtualSize: "VIRTUAL SIZE",
};

interface Name {
  repository: string;
  tag: string;
  digest: string;
}

/** Rows of an image. `digests` shows each digest beside its tags; without it digests count only where there are no tags. */
export function imageRows(image: ImageSummary, options: { whole: boolean; digests: boolean }): Struct[] {
  return namesOf(image, options.digests).map((name) => row(image, name, options.whole));
}

function namesOf(image: ImageSummary, digests: boolean): Name[] {
  const tags = (image.RepoTags ?? []).filter((tag) => tag !== "<none>:<none>").map(splitTag);
  const withDigests = (image.RepoDigests ?? []).filter((name) => name !== "<none>@<none>").map(splitDigest);
  const named = tags.flatMap((tag) => {
    const own = withDigests.filter(({ repository }) => repository === tag.repository);
    return digests && own.length > 0 ? own.map(({ digest }) => ({ ...tag, digest })) : [tag];
  });
  const untagged = withDigests.filter(({ repository }) => !tags.some((tag) => tag.repository === repository));
  const all = [...named, ...(digests || tags.length === 0 ? untagged : [])];
  if (all.length === 0) return [{ repository: NONE, tag: NONE, digest: NONE }];
  return digests ? all : all.filter((name, at) => at === 0 || name.tag !== NONE);
}

function splitTag(name: string): Name {
  const colon = name.lastIndexOf(":");
  return { repository: name.slice(0, colon), tag: name.slice(colon + 1), digest: NONE };
}

function splitDigest(name: string): Name {
  const [repository = NONE, digest = NONE] = name.split("@");
  return { repository, tag: NONE, digest };
}

function row(image: ImageSummary, { repository, tag, digest }: Name, whole: boolean): Struct {
  return {
    Containers: image.Containers >= 0 ? String(image.Containers) : "N/A",
    CreatedAt: goTime(image.Created),
    CreatedSince: `${formatSpan(Date.now() / 1000 - image.Created)} ago`,
    Digest: digest,
    ID: whole ? image.Id : shortId(image.Id),
    Repository: repository,
    SharedSize: image.SharedSize >= 0 ? formatDecimalSize(image.SharedSize, 4) : "N/A",
    Size: formatDecimalSize(image.Size, 3),
    Tag: tag,
    UniqueSize: image.SharedSize >= 0 ? formatDecimalSize(image.Size - image.SharedSize, 4) : "N/A",
    VirtualSize: formatDecimalSize(image.Size, 4),
  };
}
