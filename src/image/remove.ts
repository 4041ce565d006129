/**
 * Takes names from images, and removes images that have no other: `docker rmi`.
 *
 * What may be removed, and what is said when it may not, is Docker's: a running container protects its image always, a
 * stopped one and a second name do unless force is given.
 */

import { shortId } from "../spec/digest.ts";
import type { ImageDeleteResponse } from "../spec/docker.ts";
import type { Digest } from "../spec/oci_image.ts";
import { familiarText, parseReference, repositoryOf } from "../spec/reference.ts";
import { FathomError } from "../std/errors.ts";
import { type Image, referencesOf } from "./_catalog.ts";
import { collect } from "./_collect.ts";
import { withoutManifests, withoutReferences } from "./_index.ts";
import { type Resolved, resolveImage } from "./_resolve.ts";
import { currentCatalog, type ImageEvent, type ImageStore, replaceIndex } from "./store.ts";

/** What is to be done, decided before anything is. */
interface Plan {
  /** Whole references to take away. */
  untag: string[];
  /** Whether the image goes too. */
  remove: boolean;
}

/** Gives what was untagged and deleted, in that order. @throws {FathomError} not-found; conflict, in Docker's wording */
export async function removeImage(
  store: ImageStore,
  name: string,
  options: { force: boolean },
): Promise<ImageDeleteResponse[]> {
  const events: ImageEvent[] = [];
  const answer = await store.exclusive(async () => {
    const catalog = await currentCatalog(store);
    const resolved = resolveImage(catalog, name);
    const { image } = resolved;
    const references = referencesOf(catalog, image.id);
    const plan = planOf({
      ...resolved,
      name,
      references,
      force: options.force,
      users: store.usersOf(image.id),
    });
    const removed = await carryOut(store, image, plan);
    for (const _ of plan.untag) events.push({ action: "untag", id: image.id, name: image.id });
    if (plan.remove) events.push({ action: "delete", id: image.id, name: image.id });
    return [
      ...plan.untag.map((reference) => ({ Untagged: familiarText(parseReference(reference)) })),
      ...(plan.remove ? [{ Deleted: image.id }] : []),
      ...removed.map((chainId) => ({ Deleted: chainId })),
    ];
  });
  for (const event of events) store.emit(event);
  return answer;
}

interface Request extends Resolved {
  name: string;
  /** All the image's references. */
  references: string[];
  force: boolean;
  users: ReturnType<ImageStore["usersOf"]>;
}

function planOf(request: Request): Plan {
  return request.reference === undefined ? planById(request) : planByReference(request, request.reference);
}

/** Taking a name away removes the image only when it was the last, and never from under a container. */
function planByReference({ image, name, references, force, users }: Request, reference: string): Plan {
  const user = users[0];
  if (!force && isSingle(references) && user !== undefined) {
    throw new FathomError(
      "conflict",
      `conflict: unable to remove repository reference ${JSON.stringify(name)} (must force) - container ${shortId(user.id)} is using its referenced image ${shortId(image.id)}`,
    );
  }
  const untag = [reference, ...digestsLeft(references, reference)];
  const isLast = references.length === untag.length;
  const isHeld = users.some(({ running }) => running) || (!force && users.length > 0);
  return { untag, remove: isLast && !isHeld };
}

function planById({ image, references, force, users }: Request): Plan {
  const running = users.find((user) => user.running);
  const unable = (how: string, why: string) =>
    new FathomError("conflict", `conflict: unable to delete ${shortId(image.id)} (${how}) - ${why}`);
  if (running !== undefined) {
    throw unable("cannot be forced", `image is being used by running container ${shortId(running.id)}`);
  }
  if (!force && !isSingle(references)) {
    throw unable("must be forced", "image is referenced in multiple repositories");
  }
  const stopped = users[0];
  if (!force && stopped !== undefined) {
    throw unable("must be forced", `image is being used by stopped container ${shortId(stopped.id)}`);
  }
  return { untag: references, remove: true };
}

const isDigestReference = (reference: string): boolean => reference.includes("@");
const repository = (reference: string): string => repositoryOf(parseReference(reference));

/** One tag at most, and digests of the same repository only. */
function isSingle(references: readonly string[]): boolean {
  const tags = references.filter((reference) => !isDigestReference(reference));
  return tags.length <= 1 && new Set(references.map(repository)).size <= 1;
}

/** With the last tag of a repository go its digests, which nobody would think of removing. */
function digestsLeft(references: readonly string[], removed: string): string[] {
  if (isDigestReference(removed)) return [];
  const same = references.filter((one) => one !== removed && repository(one) === repository(removed));
  return same.every(isDigestReference) ? same : [];
}

/** Gives the layers that went with it, topmost first. */
async function carryOut(store: ImageStore, image: Image, plan: Plan): Promise<Digest[]> {
  const { index, images } = await currentCatalog(store);
  const untagged = withoutReferences(index, plan.untag);
  if (!plan.remove) {
    await replaceIndex(store, untagged);
    return [];
  }
  const same = [...images.values()]
    .filter(({ id }) => id === image.id)
    .map(({ descriptor }) => descriptor.digest);
  await replaceIndex(store, withoutManifests(untagged, new Set(same)));
  const removed = new Set(await collect(store));
  return image.chain.filter((chainId) => removed.has(chainId)).reverse();
}
