/** The Docker Engine API's JSON shapes about single images, v1.51. */

import type { ImageSummary } from "./docker.ts";
import type { Descriptor, Digest, Platform } from "./oci_image.ts";

/** What an image is stored as, for one platform. Sizes in bytes. */
export interface ManifestSummary {
  /** The manifest's digest. */
  ID: Digest;
  Descriptor: Descriptor;
  /** Whether all of it is here. */
  Available: boolean;
  /** Of what would go over the wire, and of that with the unpacked files. */
  Size: { Content: number; Total: number };
  Kind: "image";
  ImageData: {
    Platform: Platform;
    /** IDs of the containers made from it. */
    Containers: string[];
    Size: { Unpacked: number };
  };
}

/** A row of `GET /images/json` with what the image is stored as, where that was asked for. */
export interface ListedImage extends ImageSummary {
  Descriptor?: Descriptor;
  Manifests?: ManifestSummary[];
}

/** A row of `GET /images/{name}/history`. */
export interface HistoryRow {
  /** Of the image that ended with this step, or `<missing>`. */
  Id: string;
  /** Seconds since the epoch. */
  Created: number;
  CreatedBy: string;
  Tags: string[] | null;
  /** Bytes of its layer. */
  Size: number;
  Comment: string;
}
