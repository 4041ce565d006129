/** The row of a program that puts a seccomp filter in force; what a profile compiles to is seccomp_filter.ts's. */

import { type Call, flags, named } from "../../kernel/mod.ts";
import type { Seccomp } from "../../spec/oci_runtime.ts";
import { FathomError } from "../../std/errors.ts";

/** What is put in force: a profile, and what it compiles to for this processor, as struct sock_filter. */
export interface Filtered {
  profile: Seccomp;
  filter: Uint8Array;
}

/** What a configuration wants filtered. @throws {FathomError} internal, where its filter is missing: it must not run without. */
export function filtered(profile: Seccomp | undefined, filter: Uint8Array | undefined): Filtered | undefined {
  if (profile === undefined) return undefined;
  if (filter === undefined || filter.length === 0)
    throw new FathomError("internal", "the seccomp profile of the container was not compiled");
  return { profile, filter };
}

/** The row that puts the filter in force for the rest of the program and all it starts. */
export function seccompRows(seccomp: Filtered | undefined): Call[] {
  if (seccomp === undefined) return [];
  const { profile, filter } = seccomp;
  const length = filter.length / INSTRUCTION_BYTES;
  const program = new Uint8Array(new ArrayBuffer(16));
  new DataView(program.buffer).setUint16(0, length, true);
  const fprog = {
    kind: "struct",
    bytes: program,
    pointers: [{ offset: 8, to: filter }],
    shown: `{len=${length}}`,
  } as const;
  return [
    {
      call: "seccomp",
      args: [
        named(SECCOMP_SET_MODE_FILTER, "SECCOMP_SET_MODE_FILTER"),
        flags("SECCOMP_FILTER_FLAG", FILTER_FLAGS, filterFlags(profile)),
        fprog,
      ],
      what: "put the seccomp filter in force",
      see: "grep Seccomp /proc/PID/status",
    },
  ];
}

/** struct sock_filter of include/uapi/linux/filter.h. */
const INSTRUCTION_BYTES = 8;

/** seccomp(2). */
const SECCOMP_SET_MODE_FILTER = 1;
const FILTER_FLAGS = { TSYNC: 1, LOG: 2, SPEC_ALLOW: 4, WAIT_KILLABLE_RECV: 32 } as const;

/** Without flags the kernel would switch speculation off for the whole container, which modern processors do not need. */
function filterFlags(profile: Seccomp): number {
  const names = profile.flags ?? ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"];
  return names.reduce((sum, name) => {
    const flag = Object.entries(FILTER_FLAGS).find(([known]) => name === `SECCOMP_FILTER_FLAG_${known}`)?.[1];
    if (flag === undefined)
      throw new FathomError("invalid", `the seccomp profile has an unknown flag: ${name}`);
    return sum | flag;
  }, 0);
}
