/** What a prune would remove, and what removing it came to: Fathom's own addition to the API. */

export type PruneKind = "container" | "image" | "volume";

export interface PruneItem {
  Type: PruneKind;
  /** The ID; of a volume the name. */
  ID: string;
  /** What it is called; none of an image without a name. */
  Names: string[];
  /** That its removal gives back. */
  Bytes: number;
  /** Which rule makes it a candidate, in a sentence. */
  Rule: string;
  /** What has to be as it was when the plan was made. */
  Mark: string;
}

export interface PrunePlan {
  Version: 1;
  /** The engine that it was made for. */
  Engine: string;
  /** RFC 3339. */
  CreatedAt: string;
  /** In the order in which they are removed. */
  Items: PruneItem[];
  Bytes: number;
}

/** `POST /system/prune/plan`. */
export interface PruneWishes {
  Kinds: PruneKind[];
  /** Images that have a tag too. */
  AllImages: boolean;
  /** Volumes that have a name of their own too. */
  AllVolumes: boolean;
  /** Docker's filters of each kind. */
  Filters: Record<string, string[]>;
}

/** `POST /system/prune/apply`. */
export interface PruneOutcome {
  Removed: PruneItem[];
  /** What is not as it was. */
  Skipped: { Item: PruneItem; Why: string }[];
  SpaceReclaimed: number;
}
