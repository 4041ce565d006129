/**
 * Takes names from images, and removes images that have no other: `docker rmi`.
 *
 * What may be removed, and what is said when it may not, is Docker's: a running container protects its image always, a
 * stopped one and a second name do unless force is given.
 */

import { shortId } from "../spec/digest.ts";
import type { ImageDeleteResponse } from "../spec/docker.ts";
import type { Digest, Platform } from "../spec/oci_image.ts";
import { platformText } from "../spec/platform.ts";
import { familiarText, parseReference, repositoryOf } from "../spec/reference.ts";
import { FathomError } from "../std/errors.ts";
import { type Catalog, childrenOf, type Image, referencesOf } from "./_catalog.ts";
import { collect } from "./_collect.ts";
import { imageEvent } from "./_events.ts";
import { withoutManifests, withoutReferences } from "./_index.ts";
import { suits } from "./_platform.ts";
import { type Resolved, resolveImage } from "./_resolve.ts";
import { currentCatalog, type ImageEvent, type ImageStore, replaceIndex } from "./store.ts";

/** What is to be done, decided before anything is. */
interface Plan {
  /** Whole references to take away. */
  untag: string[];
  /** Whether the image goes too. */
  remove: boolean;
}

export interface RemoveOptions {
  force: boolean;
  /** With it go those of the images it was made from that have no name and no other use; default true. */
  prune?: boolean;
  /** Only what is for one of these; an image is for one platform. */
  platforms?: readonly Platform[];
}

/** Gives what was untagged and deleted, in that order. @throws {FathomError} not-found; conflict, in Docker's wording */
export async function removeImage(
  store: ImageStore,
  name: string,
  { force, prune = true, platforms = [] }: RemoveOptions,
): Promise<ImageDeleteResponse[]> {
  const events: ImageEvent[] = [];
  const answer = await store.exclusive(async () => {
    const catalog = await currentCatalog(store);
    const resolved = resolveImage(catalog, name);
    const { image } = resolved;
    if (platforms.length > 0 && !platforms.some((one) => suits(image.config, one)))
      throw new FathomError("not-found", `No such image: ${name} is for ${platformText(image.config)} only`);
    const references = referencesOf(catalog, image.id);
    const plan = planOf({
      ...resolved,
      name,
      references,
      force,
      users: store.usersOf(image.id),
      isParent: childrenOf(catalog, image.id).length > 0,
    });
    const doomed = plan.remove ? [image, ...(prune ? parentsGoing(store, catalog, image) : [])] : [];
    const removed = await carryOut(store, doomed, plan);
    for (const _ of plan.untag) events.push(imageEvent("untag", image));
    for (const gone of doomed) events.push(imageEvent("delete", gone));
    return [
      ...plan.untag.map((reference) => ({ Untagged: familiarText(parseReference(reference)) })),
      ...deletedOf(doomed, removed),
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
  /** Whether another image was made from it. */
  isParent: boolean;
}

function planOf(request: Request): Plan {
  return request.reference === undefined ? planById(request) : planByReference(request, request.reference);
}

/** Taking a name away removes the image only when it was the last, and never from under a container. */
function planByReference(
  { image, name, references, force, users, isParent }: Request,
  reference: string,
): Plan {
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
  return { untag, remove: isLast && !isHeld && !isParent };
}

function planById({ image, references, force, users, isParent }: Request): Plan {
  const running = users.find((user) => user.running);
  const unable = (how: string, why: string) =>
    new FathomError("conflict", `conflict: unable to delete ${shortId(image.id)} (${how}) - ${why}`);
  if (isParent) throw unable("cannot be forced", "image has dependent child images");
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

/** Those it was made from, and those were, which have no name, no other image on them and no container. */
function parentsGoing(store: ImageStore, catalog: Catalog, image: Image): Image[] {
  const going: Image[] = [];
  let child = image;
  for (;;) {
    const parent = child.config.parent === undefined ? undefined : catalog.byId.get(child.config.parent);
    if (parent === undefined || referencesOf(catalog, parent.id).length > 0) return going;
    if (childrenOf(catalog, parent.id).length > 1 || store.usersOf(parent.id).length > 0) return going;
    // Configurations name each other by digest, so that none can lead back to itself.
    going.push(parent);
    child = parent;
  }
}

/** Each image that goes, with the layers that nothing needs any more, topmost first. */
function deletedOf(doomed: readonly Image[], removed: ReadonlySet<Digest>): ImageDeleteResponse[] {
  return doomed.flatMap(({ id, chain }, at) => {
    const left = new Set(doomed[at + 1]?.chain);
    const own = chain.filter((chainId) => removed.has(chainId) && !left.has(chainId));
    return [{ Deleted: id }, ...own.reverse().map((chainId) => ({ Deleted: chainId }))];
  });
}

/** Gives the layers that went with them. */
async function carryOut(store: ImageStore, doomed: readonly Image[], plan: Plan): Promise<Set<Digest>> {
  const { index, images } = await currentCatalog(store);
  const untagged = withoutReferences(index, plan.untag);
  if (doomed.length === 0) {
    await replaceIndex(store, untagged);
    return new Set();
  }
  const ids = new Set(doomed.map(({ id }) => id));
  const manifests = [...images.values()].filter(({ id }) => ids.has(id));
  const digests = new Set(manifests.map(({ descriptor }) => descriptor.digest));
  await replaceIndex(store, withoutManifests(untagged, digests));
  return new Set(await collect(store));
}
