/** Prunes that say beforehand what they would remove, and then remove that and nothing else. */

import type { PrunePlanBackend } from "../api/routes/prune_plan.ts";
import type { Containers } from "../container/mod.ts";
import { type ImageStore, imageCandidates, pruneImage } from "../image/mod.ts";
import { shortId } from "../spec/digest.ts";
import type { Digest } from "../spec/oci_image.ts";
import type { PruneItem, PruneOutcome, PrunePlan, PruneWishes } from "../spec/prune_plan.ts";
import { FathomError, kindOf, messageOf } from "../std/errors.ts";
import { rfc3339, wallClock } from "../std/time.ts";
import type { Volumes } from "../volume/mod.ts";

interface Parts {
  engine: string;
  containers: Containers;
  images: ImageStore;
  volumes: Volumes;
  /** Called when something has gone to the trash. */
  tidy: () => Promise<void>;
}

export function prunePlans(parts: Parts): PrunePlanBackend {
  return { plan: (wishes) => plan(parts, wishes), apply: (planned) => apply(parts, planned) };
}

/** What a container uses that goes itself, nobody uses then. */
async function plan(parts: Parts, wishes: PruneWishes): Promise<PrunePlan> {
  const { Kinds: kinds, Filters: filters } = wishes;
  const containers = kinds.includes("container") ? await parts.containers.files.pruneCandidates(filters) : [];
  const without = new Set(containers.map(({ ID }) => ID));
  const volumes = kinds.includes("volume") ? await volumeItems(parts, wishes, without) : [];
  const images = kinds.includes("image") ? await imageItems(parts, wishes, without) : [];
  const items = [...containers, ...volumes, ...images];
  const Bytes = items.reduce((sum, item) => sum + item.Bytes, 0);
  return { Version: 1, Engine: parts.engine, CreatedAt: rfc3339(wallClock()), Items: items, Bytes };
}

async function volumeItems(
  { volumes }: Parts,
  { AllVolumes, Filters }: PruneWishes,
  without: ReadonlySet<string>,
): Promise<PruneItem[]> {
  const found = await volumes.candidates(Filters, { all: AllVolumes, without });
  return found.map(({ volume, size, anonymous }) => ({
    ...{ Type: "volume", ID: volume.Name, Names: [volume.Name], Bytes: size, Mark: volume.CreatedAt },
    Rule: `${anonymous ? "anonymous, and" : "named (--all), and"} no container that stays uses it`,
  }));
}

async function imageItems(
  { images }: Parts,
  { AllImages, Filters }: PruneWishes,
  without: ReadonlySet<string>,
): Promise<PruneItem[]> {
  const filters = { ...Filters, dangling: [String(!AllImages)] };
  const found = await imageCandidates(images, filters, without);
  return found.map(({ id, names, bytes }) => ({
    ...{ Type: "image", ID: id, Names: names, Bytes: bytes, Mark: names.toSorted().join(" ") },
    Rule: `${names.length === 0 ? "dangling: it has no tag, and" : "tagged (--all), and"} no container that stays was made from it`,
  }));
}

/** @throws {FathomError} conflict, for the plan of another engine */
async function apply(parts: Parts, { Engine, Items }: PrunePlan): Promise<PruneOutcome> {
  if (Engine !== parts.engine)
    throw new FathomError(
      "conflict",
      `the plan was made for engine ${Engine}, and this is ${parts.engine}: make one here with --plan`,
    );
  const outcome: PruneOutcome = { Removed: [], Skipped: [], SpaceReclaimed: 0 };
  for (const item of Items) {
    const why = await removed(parts, item);
    if (why === undefined) {
      outcome.Removed.push(item);
      outcome.SpaceReclaimed += item.Bytes;
    } else outcome.Skipped.push({ Item: item, Why: why });
  }
  await parts.tidy();
  return outcome;
}

/** Why it stays; undefined where it went. */
async function removed(parts: Parts, item: PruneItem): Promise<string | undefined> {
  try {
    switch (item.Type) {
      case "container":
        return await parts.containers.files.pruneOne(item.ID, item.Mark);
      case "volume":
        await parts.volumes.discard(item.ID, { reason: "volume prune", createdAt: item.Mark });
        return undefined;
      case "image":
        return await removedImage(parts, item);
    }
  } catch (error) {
    if (kindOf(error) === "not-found") return "it is gone";
    if (kindOf(error) === "conflict") return messageOf(error);
    throw error;
  }
}

async function removedImage({ images }: Parts, { ID, Mark }: PruneItem): Promise<string | undefined> {
  const names = Mark === "" ? [] : Mark.split(" ");
  if (await pruneImage(images, { id: ID as Digest, names })) return undefined;
  const [user] = images.usersOf(ID as Digest);
  return user === undefined
    ? "it is gone, or its names have changed since the plan was made"
    : `container ${shortId(user.id)} is made from it now`;
}
