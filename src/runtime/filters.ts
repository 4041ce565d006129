/**
 * Seccomp filters, compiled once for all containers with the same profile.
 *
 * Compiling costs a new process more than all else it does for a start (12 of 37 ms of processor time), as its code is cold; and
 * nearly all containers have one of a few profiles. So what was compiled is kept: by this process, and for others in a directory
 * that only root can write to.
 */

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type { Arch } from "../kernel/mod.ts";
import type { Seccomp } from "../spec/oci_runtime.ts";

/** Goes up when a profile compiles to another filter than before: what is on disk may be of an earlier build. */
const COMPILER = 1;

/** The last one: execs have that of their container, and most containers that of the one before. */
let last: { key: string; filter: Uint8Array } | undefined;

/**
 * What a profile compiles to; undefined where there is none.
 * @param cache directory in which others look for it, too; made when it is missing
 * @throws {FathomError} invalid, for a profile that is none
 */
export async function seccompFilter(
  profile: Seccomp | undefined,
  { arch, cache }: { arch: Arch; cache: string | undefined },
): Promise<Uint8Array | undefined> {
  if (profile === undefined) return undefined;
  const key = JSON.stringify([arch, profile]);
  if (last?.key !== key) last = { key, filter: await kept(cache, key, () => compile(profile, arch)) };
  return last.filter;
}

/** The compiler is loaded where it is needed. */
async function compile(profile: Seccomp, arch: Arch): Promise<Uint8Array> {
  const { filterOf } = await import("./program/seccomp_filter.ts");
  return filterOf(profile, arch);
}

async function kept(
  cache: string | undefined,
  key: string,
  make: () => Promise<Uint8Array>,
): Promise<Uint8Array> {
  if (cache === undefined) return make();
  const path = `${cache}/${new Bun.CryptoHasher("sha256").update(`${COMPILER} ${key}`).digest("hex")}.bpf`;
  const found = read(path);
  if (found !== undefined) return found;
  const filter = await make();
  keep(cache, path, filter);
  return filter;
}

const INSTRUCTION_BYTES = 8;

/** Whatever keeps it from being read, it can be compiled. */
function read(path: string): Uint8Array | undefined {
  try {
    const filter = new Uint8Array(readFileSync(path));
    return filter.length > 0 && filter.length % INSTRUCTION_BYTES === 0 ? filter : undefined;
  } catch {
    return undefined;
  }
}

/** Written whole or not at all. Where that fails, on a full disk say, the next one compiles it, too. */
function keep(cache: string, path: string, filter: Uint8Array): void {
  const temporary = `${path}.${process.pid}`;
  try {
    mkdirSync(cache, { recursive: true, mode: 0o700 });
    writeFileSync(temporary, filter, { mode: 0o600 });
    renameSync(temporary, path);
  } catch {
    if (existsSync(temporary)) rmSync(temporary);
  }
}
