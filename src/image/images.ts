/** Images as people see them: list, inspect, tag. Removing them is in remove.ts. */

import { join } from "node:path";
import type { ContainerConfig, ImageInspect } from "../spec/docker.ts";
import type { ListedImage } from "../spec/docker_image.ts";
import type { Digest, ImageConfig } from "../spec/oci_image.ts";
import { canonicalText, familiarText, parseReference, withDefaultTag } from "../spec/reference.ts";
import { FathomError } from "../std/errors.ts";
import { rfc3339, wallClock } from "../std/time.ts";
import { type Catalog, childrenOf, type Image, lastTagged, referencesOf } from "./_catalog.ts";
import { imageEvent } from "./_events.ts";
import { selectImages } from "./_filters.ts";
import { withReference } from "./_index.ts";
import { manifestSummary } from "./_manifest_summary.ts";
import { layerPath } from "./_paths.ts";
import { resolveImage } from "./_resolve.ts";
import { sharedSizes } from "./_shared_sizes.ts";
import { currentCatalog, type ImageStore, replaceIndex } from "./store.ts";

/** The image that a reference, an ID or the beginning of one means. @throws {FathomError} not-found, invalid */
export async function findImage(
  store: ImageStore,
  name: string,
): Promise<{ id: Digest; config: ImageConfig }> {
  const { image } = resolveImage(await currentCatalog(store), name);
  return { id: image.id, config: image.config };
}

/** An image and all that were made from it, by what each says was its parent. */
export async function descendantsOf(store: ImageStore, id: Digest): Promise<ReadonlySet<Digest>> {
  const { byId } = await currentCatalog(store);
  const children = Map.groupBy(byId.values(), ({ config }) => config.parent);
  // A set that grows while it is gone through: what is added is gone through as well, once.
  const family = new Set([id]);
  for (const member of family) for (const child of children.get(member) ?? []) family.add(child.id);
  return family;
}

export interface ListOptions {
  /** Those too that have no name and that another was made from; default true. */
  all?: boolean;
  /** Docker's filters: reference, dangling, label, before, since, until. */
  filters: Readonly<Record<string, readonly string[]>>;
  /** Count what images share; -1 stands for not counted. */
  sharedSize?: boolean;
  /** Tell what each is stored as, and who uses it. */
  manifests?: boolean;
}

/** `GET /images/json`, the latest first. */
export async function listImages(
  store: ImageStore,
  { filters, all = true, sharedSize = false, manifests = false }: ListOptions,
): Promise<ListedImage[]> {
  const catalog = await currentCatalog(store);
  const shared = sharedSize ? sharedSizes(catalog) : () => -1;
  const selected = selectImages(catalog, filters).filter(
    ({ image, references }) => all || references.length > 0 || childrenOf(catalog, image.id).length === 0,
  );
  const rows = selected.map(({ image, references }) => ({
    Id: image.id,
    ParentId: image.config.parent ?? "",
    ...repositoryNames(references),
    Created: createdSeconds(image.config.created),
    Size: image.size,
    SharedSize: shared(image),
    Labels: image.config.config?.Labels ?? null,
    Containers: -1,
    ...(manifests && {
      Descriptor: image.descriptor,
      Manifests: [manifestSummary(image, store.usersOf(image.id))],
    }),
  }));
  return rows.sort((a, b) => b.Created - a.Created);
}

/** How many images there are. */
export async function countImages(store: ImageStore): Promise<number> {
  return (await currentCatalog(store)).byId.size;
}

/** Seconds of a time in RFC 3339; 0 where there is none. */
function createdSeconds(created: string | undefined): number {
  const milliseconds = Date.parse(created ?? "");
  return Number.isNaN(milliseconds) ? 0 : Math.floor(milliseconds / 1000);
}

/** `GET /images/NAME/json`. */
export async function inspectImage(store: ImageStore, name: string): Promise<ImageInspect> {
  const catalog = await currentCatalog(store);
  const { image } = resolveImage(catalog, name);
  const { config } = image;
  return {
    Id: image.id,
    ...repositoryNames(referencesOf(catalog, image.id)),
    Parent: config.parent ?? "",
    Comment: config.history?.at(-1)?.comment ?? "",
    ...(config.created !== undefined && { Created: config.created }),
    DockerVersion: config.docker_version ?? "",
    ...(config.container !== undefined && { Container: config.container }),
    ...(config.container_config && { ContainerConfig: runConfig({ config: config.container_config }) }),
    Author: config.author ?? "",
    Config: runConfig(config),
    Architecture: config.architecture,
    ...(config.variant !== undefined && { Variant: config.variant }),
    Os: config.os,
    Size: image.size,
    GraphDriver: { Name: store.driver.name, Data: layersData(store, image) },
    RootFS: { Type: "layers", ...(image.chain.length > 0 && { Layers: config.rootfs.diff_ids }) },
    Metadata: { LastTagTime: lastTagged(catalog, image.id) ?? NEVER },
  };
}

/** Go's zero time, which Docker gives for a time that never was. */
const NEVER = "0001-01-01T00:00:00Z";

/** Clients read Env and Cmd without asking whether they are there. */
function runConfig({ config }: Pick<ImageConfig, "config">): ContainerConfig {
  const empty = {
    User: "",
    Env: null,
    Cmd: null,
    Volumes: null,
    WorkingDir: "",
    Entrypoint: null,
    OnBuild: null,
    Labels: null,
  };
  return { ...empty, ...config };
}

function layersData(store: ImageStore, { chain }: Image): Record<string, string> | null {
  const layers = chain.map((chainId) => join(layerPath(store.paths, chainId), "diff")).reverse();
  return store.driver.data({ layers });
}

function repositoryNames(references: readonly string[]): { RepoTags: string[]; RepoDigests: string[] } {
  const familiar = references.map((reference) => familiarText(parseReference(reference)));
  return {
    RepoTags: familiar.filter((reference) => !reference.includes("@")),
    RepoDigests: familiar.filter((reference) => reference.includes("@")),
  };
}

/** Gives an image another name, taking it from the image that had it. @throws {FathomError} not-found, invalid */
export async function tagImage(store: ImageStore, name: string, reference: string): Promise<void> {
  const parsed = withDefaultTag(parseReference(reference));
  if (parsed.digest !== undefined) {
    throw new FathomError("invalid", "refusing to create a tag with a digest reference");
  }
  const tagged = await store.exclusive(async () => {
    const catalog = await currentCatalog(store);
    const { image } = resolveImage(catalog, name);
    await replaceIndex(store, taggedIndex(catalog, image, canonicalText(parsed)));
    return image;
  });
  store.emit(imageEvent("tag", tagged, familiarText(parsed)));
}

function taggedIndex({ index }: Catalog, image: Image, reference: string): Catalog["index"] {
  return withReference(index, image.descriptor, { reference, at: rfc3339(wallClock()) });
}
