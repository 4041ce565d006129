/**
 * What containers have written: log drivers, and logs on disk.
 *
 * Owns: log options (options.ts); the json-file format, byte for byte Docker's; its rotation and compression; reading it from either
 * end, from a time, and following it; sending to syslog servers. Does not own: where a container's log file is, which output
 * belongs to it, or how the output reached the shim.
 *
 * A log is a file and its predecessors: `ID-json.log`, then `.1` (the newest before it), `.2` and so on, or `.1.gz` where that is
 * compressed. One process writes (the shim, writer.ts), any number read (reader.ts), and they share nothing but the files. All
 * drivers that keep something here keep it in this form, `local` and the copy beside a remote server too: what it takes to read
 * one with jq and zcat, and to search it quickly, is then known for all.
 *
 * Invariants:
 * - A record stands in one file, whole; rotation falls between two.
 * - Rotation moves files to higher numbers only, the oldest first, so one number at the most is free at any time. A file is known
 *   by its identity (_identity.ts), never by its name; compressed it keeps it.
 * - A record once written is never changed. A torn last one, left by a crash, is no record: readers leave it out, the next
 *   writer cuts it off.
 * - Times rise within a file, but where _jumps.ts says that the clock was set back.
 * - Every byte that a program wrote is in the log, but for bytes that are not UTF-8, which JSON cannot hold: each stands as
 *   U+FFFD, as in Docker's.
 */

export type { LogSubject } from "./_subject.ts";
export {
  checkLogConfig,
  LOG_DRIVERS,
  type LogConfig,
  type LogPaths,
  logTarget,
  readablePath,
} from "./options.ts";
export { type ReadOptions, readLog } from "./reader.ts";
