/** What this build is. A test holds VERSION against package.json. */

/** Fathom's own version. */
export const VERSION = "0.1.0";

/** The newest Engine API that is spoken, and the oldest that still is. */
export const API_VERSION = "1.51";
export const MIN_API_VERSION = "1.4";

/** Go's name of this processor, which is what Docker's API and images use. */
export const GOARCH: "amd64" | "arm64" = process.arch === "arm64" ? "arm64" : "amd64";
