/**
 * Looks for what a crash, a disk or a person has done to images and layers: what is missing, what is torn, what nobody needs. Each
 * finding that can be mended without losing anything says how.
 */

import { createReadStream } from "node:fs";
import { readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bytesBelow } from "../kernel/mod.ts";
import { digestOfHex, shortId } from "../spec/digest.ts";
import type { Damage } from "../spec/doctor.ts";
import type { Descriptor, Digest, ImageManifest } from "../spec/oci_image.ts";
import { ifAbsent } from "../std/absent.ts";
import { FathomError, messageOf } from "../std/errors.ts";
import { readBlob } from "./_blobs.ts";
import { type Image, loadCatalog } from "./_catalog.ts";
import { collect, unneeded } from "./_collect.ts";
import { referenceOf, withoutManifests } from "./_index.ts";
import { blobPath, isOurs, layerPath, uniqueName } from "./_paths.ts";
import { placeLayer } from "./_place_layer.ts";
import { stageLayer } from "./_stage.ts";
import { notePath, readNotes } from "./_trash_notes.ts";
import { layerDifferences } from "./_verify_layer.ts";
import { layersInUse } from "./snapshots.ts";
import { currentCatalog, type ImageStore, inBackground, replaceIndex } from "./store.ts";

/** With `deep` every blob is read, and every layer held against its archive: that takes as long as reading all of them. */
export async function checkImages(store: ImageStore, { deep }: { deep: boolean }): Promise<Damage[]> {
  const { images } = await loadCatalog(store.paths);
  const all = [...images.values()];
  return [
    ...(await entries(store)),
    ...(await layers(store, all)),
    ...(await leftovers(store)),
    ...(await notes(store)),
    ...(deep ? await contents(store, all) : []),
  ];
}

/** Entries of index.json that no image can be made of. */
async function entries(store: ImageStore): Promise<Damage[]> {
  const { index, images } = await loadCatalog(store.paths);
  const broken = index.manifests.filter(
    ({ digest, mediaType }) => !images.has(digest) && mediaType.includes("manifest.v"),
  );
  return (await Promise.all(broken.map((descriptor) => aboutEntry(store, descriptor)))).flat();
}

async function aboutEntry(store: ImageStore, descriptor: Descriptor): Promise<Damage[]> {
  const name = referenceOf(descriptor) ?? descriptor.digest;
  const manifest = await readManifest(store, descriptor.digest);
  if (manifest !== undefined) return aboutBlobs(store, manifest, name);
  return [
    {
      kind: "image",
      subject: name,
      sentence: `image ${name} cannot be read: its manifest or configuration is missing or damaged`,
      see: `ls -l ${blobPath(store.paths, descriptor.digest)}`,
      mend: () => forgetEntry(store, descriptor.digest, name),
    },
  ];
}

/** Undefined where it, or the configuration that it names, is missing or damaged. */
async function readManifest({ paths }: ImageStore, digest: Digest): Promise<ImageManifest | undefined> {
  try {
    const manifest = JSON.parse(await readBlob(paths, digest)) as ImageManifest;
    await readBlob(paths, manifest.config.digest);
    return manifest;
  } catch (error) {
    if (error instanceof FathomError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function forgetEntry(store: ImageStore, digest: Digest, name: string): Promise<string> {
  await store.exclusive(async () => {
    const { index } = await currentCatalog(store);
    await replaceIndex(store, withoutManifests(index, new Set([digest])));
    await collect(store);
  });
  return `took ${name} out of index.json, since nothing could be made of it: bring the image in again`;
}

/** Layers' blobs that are not what the manifest says. The unpacked layers may be well, so that nothing is taken away. */
async function aboutBlobs({ paths }: ImageStore, manifest: ImageManifest, name: string): Promise<Damage[]> {
  const found: Damage[] = [];
  for (const { digest, size } of manifest.layers) {
    const path = blobPath(paths, digest);
    const actual = await stat(path).then(({ size }) => size, ifAbsent(undefined));
    if (actual === size) continue;
    const how = actual === undefined ? "is missing" : `has ${actual} bytes instead of ${size}`;
    found.push({
      kind: "blob",
      subject: path,
      sentence: `blob ${shortId(digest)} of image ${name} ${how}: its containers run, but the image is not shown until it is brought in again`,
      see: `ls -l ${path}`,
    });
  }
  return found;
}

/** A layer by what is needed to make it again. */
interface Layer {
  chainId: Digest;
  below: Digest | undefined;
  diffId: Digest | undefined;
  blob: Digest | undefined;
}

function layersOf(images: readonly Image[]): Layer[] {
  const layers = images.flatMap(({ chain, config, manifest }) =>
    chain.map((chainId, index): Layer => {
      const [diffId, blob] = [config.rootfs.diff_ids[index], manifest.layers[index]?.digest];
      return { chainId, below: chain[index - 1], diffId, blob };
    }),
  );
  return [...new Map(layers.map((layer) => [layer.chainId, layer])).values()];
}

async function layers(store: ImageStore, images: readonly Image[]): Promise<Damage[]> {
  const found: Damage[] = [];
  for (const layer of layersOf(images)) {
    const path = layerPath(store.paths, layer.chainId);
    const names: string[] = await readdir(path).catch(ifAbsent([]));
    const see = `ls -l ${path}`;
    if (!names.includes("diff"))
      found.push({
        ...{ kind: "layer", subject: path, see },
        sentence: `layer ${shortId(layer.chainId)} is missing: containers that stand on it cannot be started`,
        mend: () => unpackAgain(store, layer),
      });
    else if (!names.includes("size"))
      found.push({
        ...{ kind: "layer", subject: path, see },
        sentence: `layer ${shortId(layer.chainId)} does not say how large it is`,
        mend: () => measure(path),
      });
  }
  return found;
}

async function measure(path: string): Promise<string> {
  const size = await bytesBelow(join(path, "diff"));
  await writeFile(join(path, "size"), `${size}\n`, { mode: 0o600 });
  return `counted ${size} bytes`;
}

async function unpackAgain(store: ImageStore, { chainId, below, diffId, blob }: Layer): Promise<string> {
  if (blob === undefined) throw new FathomError("not-found", "no blob of it is known");
  await using staged = await stageLayer(store.paths, createReadStream(blobPath(store.paths, blob)));
  if (staged.diffId !== diffId)
    throw new FathomError(
      "internal",
      `its blob ${shortId(blob)} holds something else: bring the image in again`,
    );
  await store.exclusive(async () => {
    const out = join(store.paths.layerIngest, uniqueName());
    const wasThere = await rename(layerPath(store.paths, chainId), out).then(() => true, ifAbsent(false));
    await placeLayer(store, staged, { chainId, below });
    if (wasThere) inBackground(store, store.driver.removeLayer(out));
  });
  return `unpacked layer ${shortId(chainId)} again`;
}

/** What nothing needs, and what was never finished. */
async function leftovers(store: ImageStore): Promise<Damage[]> {
  const { paths } = store;
  const needless = await store.exclusive(() => unneeded(store));
  const mend = async () => {
    await store.exclusive(() => collect(store));
    return "removed it";
  };
  const orphans = [
    ...needless.blobs.map((digest) => ({ what: `blob ${shortId(digest)}`, path: blobPath(paths, digest) })),
    ...needless.layers.map((chainId) => ({
      what: `layer ${shortId(chainId)}`,
      path: layerPath(paths, chainId),
    })),
  ].map(
    ({ what, path }): Damage => ({
      ...{ kind: "leftover", subject: path, see: `du -sh ${path}`, mend },
      sentence: `${what} belongs to no image and no container`,
    }),
  );
  const unfinished = await Promise.all(
    [paths.ingest, paths.layerIngest].map(async (directory) =>
      (await readdir(directory).catch(ifAbsent([])))
        .filter((name) => !isOurs(name) && name !== "empty")
        .map((name) => join(directory, name)),
    ),
  );
  return [
    ...orphans,
    ...unfinished.flat().map(
      (path): Damage => ({
        ...{ kind: "leftover", subject: path, see: `ls -l ${path}` },
        sentence: `${path} was never finished, or not quite removed, by an engine that was killed`,
        mend: async () => {
          await store.driver.removeLayer(path);
          await rm(path, { recursive: true, force: true });
          return "removed it";
        },
      }),
    ),
  ];
}

/** Notes of the trash that nothing can be brought back by. */
async function notes({ paths }: ImageStore): Promise<Damage[]> {
  const found: Damage[] = [];
  for (const { id, note } of await readNotes(paths)) {
    const here = await Promise.all(
      note.manifests.map(({ digest }) => stat(blobPath(paths, digest)).then(() => true, ifAbsent(false))),
    );
    if (here.every(Boolean)) continue;
    const path = notePath(paths, id);
    found.push({
      ...{ kind: "trash", subject: path, see: `cat ${path}` },
      sentence: `${id} in the trash cannot be restored: its manifest is gone`,
      mend: async () => {
        await rm(path, { force: true });
        return "removed its note";
      },
    });
  }
  return found;
}

async function contents(store: ImageStore, images: readonly Image[]): Promise<Damage[]> {
  const found: Damage[] = [];
  const wrong = new Set<Digest>();
  for (const name of await readdir(store.paths.blobs).catch(ifAbsent([]))) {
    const path = join(store.paths.blobs, name);
    if (await isIntact(path, name)) continue;
    wrong.add(digestOfHex(name));
    found.push({
      ...{ kind: "blob", subject: path, see: `sha256sum ${path}` },
      sentence: `blob ${name.slice(0, 12)} is damaged: its content has another digest; bring the image in again`,
    });
  }
  const inUse = await layersInUse(store);
  for (const layer of layersOf(images)) {
    if (layer.blob === undefined || wrong.has(layer.blob)) continue;
    const damage = await contentOf(store, layer, inUse.has(layer.chainId));
    if (damage !== undefined) found.push(damage);
  }
  return found;
}

async function isIntact(path: string, hex: string): Promise<boolean> {
  const hasher = new Bun.CryptoHasher("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 }))
    hasher.update(chunk as Buffer);
  return hasher.digest("hex") === hex;
}

async function contentOf(store: ImageStore, layer: Layer, isUsed: boolean): Promise<Damage | undefined> {
  const path = layerPath(store.paths, layer.chainId);
  const archive = createReadStream(blobPath(store.paths, layer.blob ?? layer.chainId));
  const differences = await layerDifferences(archive, join(path, "diff")).catch(
    (error) => new Map([["/", messageOf(error)]]),
  );
  const [first] = differences;
  if (first === undefined) return undefined;
  const more = differences.size > 1 ? `, and ${differences.size - 1} more` : "";
  return {
    ...{ kind: "layer", subject: path, see: `ls -lR ${path}/diff` },
    sentence: `layer ${shortId(layer.chainId)} is not what its archive holds: ${first[0]}: ${first[1]}${more}${isUsed ? "; containers stand on it: remove them, and it can be unpacked again" : ""}`,
    ...(!isUsed && { mend: () => unpackAgain(store, layer) }),
  };
}
