/** What a registry has under a name, without pulling it: `GET /distribution/NAME/json` and `manifest inspect`. */

import type { Credentials, FetchedManifest, Registries, Repository } from "../registry/mod.ts";
import { digestOf } from "../spec/digest.ts";
import type { DistributionInspect, RegistryManifest } from "../spec/docker_registry.ts";
import type { Descriptor, Platform } from "../spec/oci_image.ts";
import { type Parsed, parseManifest } from "../spec/oci_manifest.ts";
import { familiarText, type Reference, repositoryOf } from "../spec/reference.ts";
import { FathomError } from "../std/errors.ts";

export interface Wanted {
  reference: Reference;
  credentials: Credentials;
  others: Readonly<Record<string, Credentials>>;
}

/** Bytes of a configuration that is read for its platform. */
const MOST_CONFIG = 4 * 1024 * 1024;
/** Images of an index that are read one by one. */
const MOST_LISTED = 100;

export async function inspectManifest(
  registries: Registries,
  wanted: Wanted,
  signal: AbortSignal,
): Promise<DistributionInspect> {
  return withManifest(registries, { ...wanted, signal }, async (repository, found, parsed) => ({
    Descriptor: { mediaType: typeOf(found, parsed), digest: found.digest, size: found.bytes.length },
    Platforms:
      parsed.kind === "index"
        ? parsed.manifests.flatMap(({ platform }) => platform ?? [])
        : [await platformOf(repository, parsed.manifest.config, signal)],
  }));
}

export async function readManifest(
  registries: Registries,
  wanted: Wanted,
  signal: AbortSignal,
): Promise<RegistryManifest> {
  const repositoryName = repositoryOf(wanted.reference);
  return withManifest(registries, { ...wanted, signal }, async (repository, found, parsed) => {
    const whole = documentOf(found, typeOf(found, parsed), familiarText(wanted.reference));
    if (parsed.kind === "image") {
      const platform = await platformOf(repository, parsed.manifest.config, signal);
      return { ...whole, Descriptor: { ...whole.Descriptor, platform } };
    }
    const listed: RegistryManifest[] = [];
    for (const one of parsed.manifests.slice(0, MOST_LISTED)) {
      const ref = `${repositoryName}@${one.digest}`;
      const document = documentOf(await repository.manifest(one.digest), one.mediaType, ref);
      listed.push({
        ...document,
        Descriptor: { ...document.Descriptor, ...(one.platform && { platform: one.platform }) },
      });
    }
    return { ...whole, Manifests: listed };
  });
}

function documentOf({ digest, bytes }: FetchedManifest, mediaType: string, ref: string): RegistryManifest {
  return { Ref: ref, Descriptor: { mediaType, digest, size: bytes.length }, Raw: bytes.toString() };
}

function typeOf(found: FetchedManifest, parsed: Parsed): string {
  return parsed.kind === "image" ? parsed.mediaType : found.mediaType;
}

async function withManifest<T>(
  registries: Registries,
  { reference, credentials, others, signal }: Wanted & { signal: AbortSignal },
  work: (repository: Repository, found: FetchedManifest, parsed: Parsed) => Promise<T>,
): Promise<T> {
  const { domain, path } = reference;
  return registries.pulling({ domain, path, credentials, others, signal }, async (repository) => {
    const found = await repository.manifest(reference.digest ?? reference.tag ?? "latest");
    const parsed = parseManifest(found.bytes.toString(), found.mediaType, familiarText(reference));
    return work(repository, found, parsed);
  });
}

async function platformOf(
  repository: Repository,
  config: Descriptor,
  signal: AbortSignal,
): Promise<Platform> {
  if (config.size > MOST_CONFIG) {
    throw new FathomError(
      "invalid",
      `the configuration ${config.digest} has ${config.size} bytes, and at most ${MOST_CONFIG} are read`,
    );
  }
  const pieces: Uint8Array[] = [];
  for await (const piece of repository.blob(config, { from: 0, signal })) pieces.push(piece);
  const bytes = Buffer.concat(pieces);
  if (digestOf(bytes) !== config.digest) {
    throw new FathomError(
      "invalid",
      `content that should be ${config.digest} is something else: it was changed on the way`,
    );
  }
  const { architecture, os, variant } = parseObject(bytes.toString());
  return {
    architecture: String(architecture ?? ""),
    os: String(os ?? ""),
    ...(typeof variant === "string" && variant !== "" && { variant }),
  };
}

/** What is no JSON says nothing of its platform. */
function parseObject(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return {};
    throw error;
  }
}
