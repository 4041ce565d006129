/** What waits in the trash: Fathom's own addition to the API. */

export interface TrashItem {
  /** Names it for `restore` and `empty`. */
  ID: string;
  Type: "image" | "volume";
  /** The volume's name, or the image's references; none of an image that had no name. */
  Names: string[];
  /** That it keeps from being used for anything else. */
  Bytes: number;
  /** RFC 3339. */
  RemovedAt: string;
  /** What removed it: `volume rm`, `image prune`. */
  Reason: string;
}

/** One with the time at which it goes, RFC 3339; sooner when the disk gets full or the trash does. */
export interface KeptItem extends TrashItem {
  Until: string;
}

/** `GET /system/trash`. */
export interface Trash {
  Items: KeptItem[];
  Bytes: number;
}

/** `POST /system/trash/{id}/restore`. */
export interface Restored {
  Type: TrashItem["Type"];
  /** Names that it has again. */
  Names: string[];
  /** Names that something else has meanwhile, and keeps. */
  Taken: string[];
}
