/**
 * Lists of manifests that are being put together, kept where and as the docker command keeps them: `manifests/LIST/MANIFEST` in its
 * configuration's directory, each file one manifest with its descriptor. Both commands go on with what the other began.
 */

import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { RegistryManifest } from "../spec/docker_registry.ts";
import { canonicalText, parseReference, withDefaultTag } from "../spec/reference.ts";
import { ifAbsent } from "../std/absent.ts";
import { messageOf } from "../std/errors.ts";
import { CommandError } from "./errors.ts";

/** A manifest as it stands in its file. */
export interface ListedManifest {
  Ref: string;
  Descriptor: RegistryManifest["Descriptor"] & { platform?: ListedPlatform };
  /** The document in base64. */
  Raw: string;
}

/** OCI image index, `platform`. */
export interface ListedPlatform {
  architecture: string;
  os: string;
  "os.version"?: string;
  "os.features"?: string[];
  variant?: string;
}

/** A whole reference, by which lists and manifests are known. @throws {CommandError} */
export function wholeName(text: string): string {
  try {
    return canonicalText(withDefaultTag(parseReference(text)));
  } catch (cause) {
    throw new CommandError(messageOf(cause), 1, { cause });
  }
}

/** In the docker command's form: the document itself under the name of its kind. */
export function listed({ Ref, Descriptor, Raw }: RegistryManifest): ListedManifest {
  const isDocker = Descriptor.mediaType.startsWith("application/vnd.docker");
  const key = isDocker ? "SchemaV2Manifest" : "OCIManifest";
  return { Ref, Descriptor, Raw: Buffer.from(Raw).toString("base64"), [key]: JSON.parse(Raw) };
}

/** The manifests of a list, in the order of their names; none where there is no such list. @throws {CommandError} */
export async function readList(configDir: string, list: string): Promise<ListedManifest[]> {
  const directory = directoryOf(configDir, list);
  const names = await readdir(directory).catch(ifAbsent<string[]>([]));
  const files = names.filter((name) => !name.startsWith(".")).sort();
  return Promise.all(files.map((name) => readManifest(join(directory, name))));
}

async function readManifest(path: string): Promise<ListedManifest> {
  const text = await readFile(path, "utf8");
  try {
    const found = JSON.parse(text) as ListedManifest;
    if ([found.Ref, found.Raw, found.Descriptor.digest].every((part) => typeof part === "string"))
      return found;
  } catch (cause) {
    throw unreadable(path, { cause });
  }
  throw unreadable(path);
}

function unreadable(path: string, options?: ErrorOptions): CommandError {
  return new CommandError(`${path} is no manifest: remove its list with 'manifest rm'`, 1, options);
}

/** Adds a manifest to a list, or takes the place of what the list had of it. */
export async function writeManifest(
  configDir: string,
  list: string,
  manifest: ListedManifest,
): Promise<void> {
  const directory = directoryOf(configDir, list);
  await mkdir(directory, { recursive: true, mode: 0o755 });
  const temporary = join(directory, `.${process.pid}`);
  await writeFile(temporary, JSON.stringify(manifest));
  await rename(temporary, join(directory, fileName(manifest.Ref)));
}

/** @throws {CommandError} where there is none */
export async function removeList(configDir: string, list: string): Promise<void> {
  const directory = directoryOf(configDir, list);
  const names = await readdir(directory).catch(ifAbsent(undefined));
  if (names === undefined) throw noSuchList(list);
  await rm(directory, { recursive: true, force: true });
}

export function noSuchList(list: string): CommandError {
  return new CommandError(`No such manifest: ${list}`);
}

const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
const DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";

/** The document that a registry is given, byte for byte what the docker command makes of the same list. */
export function listDocument(manifests: readonly ListedManifest[]): { mediaType: string; text: string } {
  const isOci = manifests[0]?.Descriptor.mediaType === OCI_MANIFEST;
  const mediaType = isOci ? OCI_INDEX : DOCKER_LIST;
  const entries = manifests.map(({ Descriptor: { mediaType: type, size, digest, platform } }) => ({
    mediaType: type,
    size,
    digest,
    platform: {
      architecture: platform?.architecture,
      os: platform?.os,
      "os.version": platform?.["os.version"],
      "os.features": platform?.["os.features"],
      variant: platform?.variant,
    },
  }));
  return {
    mediaType,
    text: JSON.stringify({ schemaVersion: 2, mediaType, manifests: entries }, null, "   "),
  };
}

function directoryOf(configDir: string, list: string): string {
  return join(configDir, "manifests", fileName(list));
}

/** The docker command's: a tag never has a slash or colon, and no name begins with a dot. */
function fileName(reference: string): string {
  return reference.replaceAll(":", "-").replaceAll("/", "_");
}
