/**
 * What containers have written: logs on disk.
 *
 * Owns: the json-file format, byte for byte Docker's; its rotation; reading it from either end and following it. Does not own:
 * where a container's log file is, which output belongs to it, or how the output reached the shim.
 *
 * A log is a file and its predecessors: `ID-json.log`, then `.1` (the newest before it), `.2` and so on. One process writes
 * (the shim, writer.ts), any number read (reader.ts), and they share nothing but the files.
 *
 * Invariants:
 * - A record stands in one file, whole; rotation falls between two.
 * - Rotation moves files to higher numbers only, the oldest first, so one number at the most is free at any time. A file is known
 *   by its device and inode, never by its name.
 * - A record once written is never changed. A torn last one, left by a crash, is no record: readers leave it out, the next
 *   writer cuts it off.
 * - Every byte that a program wrote is in the log, but for bytes that are not UTF-8, which JSON cannot hold: each stands as
 *   U+FFFD, as in Docker's.
 */

export { type ReadOptions, readLog } from "./reader.ts";
