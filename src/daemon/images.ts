/** The image store as the API and the containers want to see it. */

import type { ImageArchiveBackend } from "../api/routes/image_archives.ts";
import type { ImageBackend } from "../api/routes/images.ts";
import type { Images } from "../container/needs.ts";
import {
  descendantsOf,
  findImage,
  type ImageStore,
  imageHistory,
  importImage,
  inspectImage,
  listImages,
  loadImages,
  mountSnapshot,
  prepareSnapshot,
  readSnapshotFile,
  removeImage,
  removeSnapshot,
  saveImages,
  snapshotData,
  snapshotSizes,
  tagImage,
  unmountSnapshot,
} from "../image/mod.ts";
import { sizes } from "./sizes.ts";

export function imageBackend(store: ImageStore): ImageBackend {
  return {
    import: (archive, options) => importImage(store, archive, options),
    download: async (url, options) => (await import("./download.ts")).download(url, options),
    list: (options) => listImages(store, options),
    inspect: (name) => inspectImage(store, name),
    tag: (name, reference) => tagImage(store, name, reference),
    remove: (name, options) => removeImage(store, name, options),
  };
}

export function imageArchiveBackend(store: ImageStore): ImageArchiveBackend {
  return {
    load: (archive, options) => loadImages(store, archive, options),
    save: (names, options) => saveImages(store, names, options),
    history: (name, options) => imageHistory(store, name, options),
  };
}

export function containerImages(store: ImageStore): Images {
  const known = sizes<{ rw: number; rootfs: number }>();
  return {
    resolve: (name) => findImage(store, name),
    descendants: (id) => descendantsOf(store, id),
    prepare: (container, image, options) => prepareSnapshot(store, { container, image }, options),
    mount: (container) => mountSnapshot(store, container),
    unmount: (container) => unmountSnapshot(store, container),
    remove: (container) => removeSnapshot(store, container),
    readFile: (container, path) => readSnapshotFile(store, container, path),
    graphDriver: (container) => snapshotData(store, container),
    sizes: (container) => known.of(container, () => snapshotSizes(store, container)),
  };
}
