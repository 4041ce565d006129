/** Puts a list of manifests to a registry, with those images' manifests that another repository of it has: `manifest push`. */

import type { Registries, Repository } from "../registry/mod.ts";
import { digestOf } from "../spec/digest.ts";
import type { ManifestPush } from "../spec/docker_registry.ts";
import { parseManifest } from "../spec/oci_manifest.ts";
import { familiarText, parseReference, repositoryOf } from "../spec/reference.ts";
import { FathomError } from "../std/errors.ts";
import type { Wanted } from "./registry_manifest.ts";

/** @throws {FathomError} invalid, not-found; what the registry says */
export async function pushManifestList(
  registries: Registries,
  { reference, credentials, others }: Wanted,
  { pushed, signal }: { pushed: ManifestPush; signal: AbortSignal },
): Promise<{ Digest: string }> {
  const { domain, path } = reference;
  const list = parseManifest(pushed.Raw, pushed.MediaType, familiarText(reference));
  if (list.kind !== "index")
    throw new FathomError("invalid", `${familiarText(reference)} is refused: it is no list of manifests`);
  const images = pushed.Images.map((image) => ({ ...image, from: parseReference(image.Ref) }));
  const stranger = images.find(({ from }) => from.domain !== domain);
  if (stranger !== undefined) {
    throw new FathomError(
      "invalid",
      `cannot use source images from a different registry than the target image: ${stranger.from.domain} != ${domain}`,
    );
  }
  const mountFrom = [...new Set(images.map(({ from }) => from.path))];
  return registries.pushing({ domain, path, credentials, others, signal, mountFrom }, async (repository) => {
    for (const image of images) await bringImage(repository, image, image.from.path);
    const bytes = Buffer.from(pushed.Raw);
    const Digest = digestOf(bytes);
    await repository.putManifest(reference.tag ?? Digest, { mediaType: pushed.MediaType, bytes });
    return { Digest };
  });
}

/** The registry takes the blobs from its other repository; the manifest it is given. */
async function bringImage(
  repository: Repository,
  { Ref, MediaType, Raw }: ManifestPush["Images"][number],
  from: string,
): Promise<void> {
  const parsed = parseManifest(Raw, MediaType, Ref);
  if (parsed.kind !== "image") throw new FathomError("invalid", `${Ref} is a manifest list`);
  const { config, layers } = parsed.manifest;
  for (const { digest, urls } of [config, ...layers]) {
    if (urls !== undefined || (await repository.hasBlob(digest))) continue;
    if (await repository.mountBlob(digest, from)) continue;
    throw new FathomError(
      "unavailable",
      `the registry does not let ${repositoryOf(parseReference(Ref))} share its blob ${digest}: push the image to the list's repository first`,
    );
  }
  const bytes = Buffer.from(Raw);
  await repository.putManifest(digestOf(bytes), { mediaType: MediaType, bytes });
}
