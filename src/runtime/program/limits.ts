/** Resource limits of the program, getrlimit(2). */

import { bytes, type Call, named } from "../../kernel/mod.ts";
import type { Rlimit } from "../../spec/oci_runtime.ts";
import { FathomError } from "../../std/errors.ts";
import type { HostFacts } from "./context.ts";
import { maySurpass } from "./settings.ts";

/** include/uapi/asm-generic/resource.h, which x86-64 and arm64 share: the index is the number. */
export const RLIMITS = [
  ...["CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE"],
  ...["MEMLOCK", "AS", "LOCKS", "SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO", "RTTIME"],
].map((name) => `RLIMIT_${name}`);

const INFINITY = 2n ** 64n - 1n;

const OPEN_FILES = "RLIMIT_NOFILE";

/**
 * Rows that set limits, all but how many files the program may have open: that one bounds the numbers of descriptors, and those that
 * this process still has to open come after all that it began with. Only what needs privilege is done of it here.
 */
export function limitRows(limits: readonly Rlimit[], host: HostFacts): Call[] {
  return setRows(
    limits.flatMap((limit) => {
      if (limit.type !== OPEN_FILES) return [limit];
      return needsPrivilege(limit, host) ? [{ ...limit, soft: limit.hard }] : [];
    }),
    host,
  );
}

/** The rest of them, for when nothing needs to be opened any more. */
export function openFilesRows(limits: readonly Rlimit[], host: HostFacts): Call[] {
  return setRows(
    limits.filter(
      (limit) =>
        limit.type === OPEN_FILES &&
        !(needsPrivilege(limit, host) && limitOf(limit.soft) === limitOf(limit.hard)),
    ),
    host,
  );
}

/** Whether the hard limit is above this process's, and may be. */
function needsPrivilege({ type, hard }: Rlimit, host: HostFacts): boolean {
  return maySurpass(host) && limitOf(hard) > (host.hardLimits.get(type) ?? INFINITY);
}

/**
 * Where this host's root may not raise a hard limit, the program gets the highest it may have.
 * @throws {FathomError} invalid, for an unknown limit or a soft one above the hard.
 */
function setRows(limits: readonly Rlimit[], host: HostFacts): Call[] {
  return limits.map(({ type, soft, hard }) => {
    const number = RLIMITS.indexOf(type);
    if (number < 0) throw new FathomError("invalid", `unknown resource limit ${type}`);
    const wanted = { soft: limitOf(soft), hard: limitOf(hard) };
    if (wanted.soft > wanted.hard)
      throw new FathomError(
        "invalid",
        `the soft limit of ${type} (${soft}) is above the hard limit (${hard})`,
      );
    const most = maySurpass(host) ? INFINITY : (host.hardLimits.get(type) ?? INFINITY);
    const given = { soft: least(wanted.soft, most), hard: least(wanted.hard, most) };
    const values = new BigUint64Array([given.soft, given.hard]);
    const note =
      given.hard === wanted.hard
        ? ""
        : ` (${shown(wanted.hard)} was asked for; this host's root may not raise it)`;
    const struct = bytes(
      new Uint8Array(values.buffer),
      `{rlim_cur=${shown(given.soft)}, rlim_max=${shown(given.hard)}}`,
    );
    return {
      call: "prlimit64",
      args: [0, named(number, type), struct, 0],
      what: `limit ${type} to ${shown(given.hard)}${note}`,
      see: "cat /proc/PID/limits",
    };
  });
}

function limitOf(value: number): bigint {
  if (!Number.isInteger(value)) throw new FathomError("invalid", `not a resource limit: ${value}`);
  const whole = BigInt(value);
  return whole < 0n || whole > INFINITY ? INFINITY : whole;
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const shown = (value: bigint): string => (value === INFINITY ? "unlimited" : String(value));
