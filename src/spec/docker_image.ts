/** The Docker Engine API's JSON shapes about single images, v1.51. */

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
