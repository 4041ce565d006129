/**
 * The system calls a container may make: Docker's default profile, and profiles that users bring.
 *
 * A profile is data with conditions (capabilities the container has, the machine's architecture); here it becomes the plain
 * OCI `linux.seccomp` that holds for one container. Source of the default's contents: moby's default profile, and
 * `linux.seccomp` of the OCI runtime specification.
 */

import type { Seccomp, SeccompAction, SeccompArgument, SeccompRule } from "../../spec/oci_runtime.ts";
import { FathomError } from "../../std/errors.ts";
import {
  ALLOWED,
  ALLOWED_BY_ARCHITECTURE,
  ALLOWED_BY_CAPABILITY,
  ALLOWED_PERSONALITIES,
  NAMESPACE_FLAGS,
} from "./_seccomp_calls.ts";

/** What a profile's conditions look at. */
export interface SeccompSubject {
  /** The bounding set, by name (`CAP_SYS_ADMIN`). */
  capabilities: readonly string[];
  /** Go's name of the architecture. */
  architecture: "amd64" | "arm64";
}

const ARCHITECTURES = {
  amd64: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
  arm64: ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
};

const EPERM = 1;
const ENOSYS = 38;
const AF_ALG = 38;
const AF_VSOCK = 40;

/** Docker's default profile for one container. */
export function defaultProfile(subject: SeccompSubject): Seccomp {
  const { capabilities, architecture } = subject;
  const byCapability = capabilities.flatMap((name) => ALLOWED_BY_CAPABILITY[name] ?? []);
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: EPERM,
    architectures: ARCHITECTURES[architecture],
    syscalls: [
      allow([...ALLOWED, ...ALLOWED_BY_ARCHITECTURE[architecture]]),
      ...sockets(),
      ...ALLOWED_PERSONALITIES.map((value) => allow(["personality"], { index: 0, value, op: "SCMP_CMP_EQ" })),
      ...(byCapability.length > 0 ? [allow(byCapability)] : []),
      ...(capabilities.includes("CAP_SYS_ADMIN") ? [] : noNewNamespaces()),
    ],
  };
}

/**
 * Every socket but AF_VSOCK, which reaches the hypervisor past all network namespaces, and AF_ALG, the kernel's cryptography,
 * which programs in containers do without. One comparison a rule: runc takes several of one argument for alternatives.
 */
function sockets(): SeccompRule[] {
  const compare = (op: SeccompArgument["op"], value: number) => allow(["socket"], { index: 0, value, op });
  return [
    compare("SCMP_CMP_LT", AF_ALG),
    compare("SCMP_CMP_EQ", AF_ALG + 1),
    compare("SCMP_CMP_GT", AF_VSOCK),
  ];
}

/**
 * clone only without namespace flags; clone3 not at all, since its flags lie in memory that a filter cannot read. ENOSYS makes
 * the C library fall back to clone.
 */
function noNewNamespaces(): SeccompRule[] {
  return [
    allow(["clone"], { index: 0, value: NAMESPACE_FLAGS, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }),
    { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: ENOSYS },
  ];
}

function allow(names: readonly string[], argument?: SeccompArgument): SeccompRule {
  return { names: [...names], action: "SCMP_ACT_ALLOW", ...(argument && { args: [argument] }) };
}

/** A rule of a profile in Docker's notation: an OCI rule and the conditions under which it stands. */
interface ProfileRule {
  name?: string;
  names?: string[];
  action: SeccompAction;
  errnoRet?: number;
  args?: SeccompArgument[] | null;
  includes?: Conditions | null;
  excludes?: Conditions | null;
}

interface Conditions {
  caps?: string[];
  arches?: string[];
  /** `major.minor`; always true, since every kernel Fathom runs on is newer than those that profiles ask for. */
  minKernel?: string;
}

interface Profile {
  defaultAction: SeccompAction;
  defaultErrnoRet?: number;
  architectures?: string[] | null;
  archMap?: { architecture: string; subArchitectures?: string[] | null }[] | null;
  flags?: string[];
  syscalls?: ProfileRule[] | null;
}

/**
 * A profile that a user brought (`--security-opt seccomp=FILE`), in Docker's notation, for one container.
 * @throws {FathomError} invalid, when it is not a profile.
 */
export function customProfile(text: string, subject: SeccompSubject): Seccomp {
  const profile = parse(text);
  const rules = (profile.syscalls ?? []).filter((rule) => holds(rule, subject));
  const architectures = profile.architectures ?? mapped(profile, subject);
  return {
    defaultAction: profile.defaultAction,
    ...(profile.defaultErrnoRet !== undefined && { defaultErrnoRet: profile.defaultErrnoRet }),
    ...(architectures && { architectures }),
    ...(profile.flags && { flags: profile.flags }),
    syscalls: rules.map(plainRule),
  };
}

function parse(text: string): Profile {
  const invalid = (cause?: unknown) =>
    new FathomError(
      "invalid",
      "Decoding seccomp profile failed: it is not a JSON object with a defaultAction",
      {
        cause,
      },
    );
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid(cause);
  }
  if (!isProfile(value)) throw invalid();
  return value;
}

function isProfile(value: unknown): value is Profile {
  if (typeof value !== "object" || value === null) return false;
  const { defaultAction, syscalls = null } = value as Record<string, unknown>;
  if (typeof defaultAction !== "string" || !defaultAction.startsWith("SCMP_ACT_")) return false;
  return syscalls === null || (Array.isArray(syscalls) && syscalls.every(isRule));
}

function isRule(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { name, names, action } = value as Record<string, unknown>;
  const named =
    typeof name === "string" || (Array.isArray(names) && names.every((one) => typeof one === "string"));
  return named && typeof action === "string" && action.startsWith("SCMP_ACT_");
}

/** Included when one of the named architectures and all of the named capabilities are there; excluded by any. */
function holds({ includes, excludes }: ProfileRule, { capabilities, architecture }: SeccompSubject): boolean {
  const has = (name: string) => capabilities.includes(name);
  const wanted = includes?.arches ?? [];
  if (wanted.length > 0 && !wanted.includes(architecture)) return false;
  if (!(includes?.caps ?? []).every(has)) return false;
  return !(excludes?.arches ?? []).includes(architecture) && !(excludes?.caps ?? []).some(has);
}

function plainRule({ name, names, action, errnoRet, args }: ProfileRule): SeccompRule {
  return {
    names: names ?? (name === undefined ? [] : [name]),
    action,
    ...(errnoRet !== undefined && { errnoRet }),
    ...(args && args.length > 0 && { args }),
  };
}

function mapped(profile: Profile, { architecture }: SeccompSubject): string[] | undefined {
  const native = ARCHITECTURES[architecture][0];
  const entry = profile.archMap?.find((one) => one.architecture === native);
  return entry && [entry.architecture, ...(entry.subArchitectures ?? [])];
}
