/** Parameters of the network namespace this thread is in, sysctl(8). Paths are below /proc/sys: `net/ipv4/ip_forward`. */

import { readControlFile, writeControlFile } from "../control_file.ts";

/** The value without its newline; undefined where this kernel has no such parameter. @throws {SyscallError} */
export function readSysctl(path: string): string | undefined {
  return readControlFile(`/proc/sys/${path}`)?.trimEnd();
}

/** Sets a parameter; false where this kernel has none of that name. @throws {SyscallError} */
export function writeSysctl(path: string, value: string): boolean {
  if (readSysctl(path) === undefined) return false;
  writeControlFile(`/proc/sys/${path}`, value, `set sysctl ${path.replaceAll("/", ".")} to ${value}`);
  return true;
}
