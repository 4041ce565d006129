/**
 * What a log file is known by, since rotation changes its name: its device, its inode and when it was made. The last because the
 * inode of a file that was compressed and removed may be given to the next file, while the compressed one goes on under its identity.
 */

import type { BigIntStats } from "node:fs";

/** As text, since an inode may have 64 bits. */
export function identityOf({ dev, ino, birthtimeNs }: BigIntStats): string {
  return `${dev}:${ino}:${birthtimeNs}`;
}
