/** Which extended attributes of an archive reach the disk, and setting them. */

import { type At, ERRNO, setAttribute } from "../kernel/mod.ts";

/** POSIX ACLs in the kernel's form (acl(5)); file capabilities (capabilities(7)). */
const KEPT: ReadonlySet<string> = new Set([
  "security.capability",
  "system.posix_acl_access",
  "system.posix_acl_default",
]);

/**
 * Overlay takes `trusted.overlay.*` (or `user.overlay.*`) for its own notes: from an archive they could hide or redirect files
 * of the layers below, so they are left out, and so are labels of a security module this host may not have.
 */
export function isKept(attribute: string): boolean {
  if (KEPT.has(attribute)) return true;
  return attribute.startsWith("user.") && !attribute.startsWith("user.overlay.") && !attribute.includes("\0");
}

/** The file system cannot keep it, or not on this type of file: left out, as Docker does. */
const LEFT_OUT: ReadonlySet<number> = new Set([ERRNO.EOPNOTSUPP, ERRNO.EPERM]);

/** Sets what is to be kept; 0 or -errno. */
export function setAttributes(file: number | At, attributes: ReadonlyMap<string, Uint8Array>): number {
  for (const [attribute, value] of attributes) {
    if (!isKept(attribute)) continue;
    const answer = setAttribute(file, attribute, value);
    if (answer < 0 && !LEFT_OUT.has(-answer)) return answer;
  }
  return 0;
}
