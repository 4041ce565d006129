/**
 * Images, and the snapshots that containers have on top of them.
 *
 * Owns: `images/` (an OCI image layout), `layers/` (unpacked layers by chain ID), and in each container's directory the
 * snapshot: `parent`, `rw`, `work`, `rootfs`. Does not own: fetching from registries, building, and which containers exist:
 * the daemon hands in what tells who uses an image.
 *
 * Archives of a container's files go out by files.ts and _pack.ts, in by _unpack.ts; what a container wrote becomes a layer by
 * _written.ts and _pack_layer.ts.
 *
 * The store (store.ts) is made once and handed to the functions. Archives come in by stageLayer, one pass: hash, store, unpack
 * (_stage.ts, _unpack.ts); commitImage makes them visible (commit.ts); what loses its last name is collected (_collect.ts).
 *
 * Invariants:
 * - An ID is the digest of an image's configuration. A layer's directory is named by its chain ID.
 * - Under its final name a blob or layer is whole; index.json names only what is there. It is replaced, never edited.
 * - Changes run one at a time. Reading is from memory, which changes together with the disk.
 * - A layer stays while an image or a snapshot stands on it, whoever removes what by force.
 * - Nothing of an archive is written outside its layer's directory, or a container's root, whatever its names and links say.
 */

export { applyChanges } from "./_changes.ts";
export { recoverImages } from "./_collect.ts";
export type { TransferNews } from "./_source.ts";
export { checkImages } from "./check.ts";
export type { SnapshotDriver } from "./driver.ts";
export { chooseDriver, driverNamed } from "./drivers.ts";
export { packPath, readText, statPath, unpackPath } from "./files.ts";
export { imageHistory } from "./history.ts";
export { countImages, descendantsOf, findImage, inspectImage, listImages, tagImage } from "./images.ts";
export { importImage } from "./import.ts";
export { loadImages } from "./load.ts";
export { mountImage } from "./mount_image.ts";
export { imageCandidates, pruneImage, pruneImages } from "./prune.ts";
export { pullImage } from "./pull.ts";
export { mountCandidates, namedIn, pushImage } from "./push.ts";
export { removeImage } from "./remove.ts";
export { saveImages } from "./save.ts";
export { commitSnapshot, exportSnapshot, openSnapshot, snapshotChanges } from "./snapshot_files.ts";
export {
  mountSnapshot,
  prepareSnapshot,
  readSnapshotFile,
  removeSnapshot,
  snapshotData,
  snapshotSizes,
  unmountSnapshot,
} from "./snapshots.ts";
export { type ImageEvent, type ImageStore, type ImageUser, openImages, settleImages } from "./store.ts";
export { eraseTrashed, listTrash, restoreImage } from "./trash.ts";
export { imageUsage } from "./usage.ts";
