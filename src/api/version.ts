/** API versions: how two compare, and what is said of one that is not spoken. A path without a version means the newest. */

import { FathomError } from "../std/errors.ts";
import { API_VERSION, MIN_API_VERSION } from "../std/version.ts";

/** True when `version` is older than `other`; both are numbers separated by dots. */
export function olderThan(version: string, other: string): boolean {
  const left = version.split(".").map(Number);
  const right = other.split(".").map(Number);
  for (let n = 0; n < Math.max(left.length, right.length); n++) {
    const difference = (left[n] ?? 0) - (right[n] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/** Throws in Docker's words when `version` is not spoken. */
export function checkVersion(version: string): void {
  if (olderThan(API_VERSION, version)) {
    throw new FathomError(
      "invalid",
      `client version ${version} is too new. Maximum supported API version is ${API_VERSION}`,
    );
  }
  if (olderThan(version, MIN_API_VERSION)) {
    throw new FathomError(
      "invalid",
      `client version ${version} is too old. Minimum supported API version is ${MIN_API_VERSION}, please upgrade your client to a newer version`,
    );
  }
}
