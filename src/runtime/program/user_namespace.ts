/**
 * A container in a user namespace, user_namespaces(7): what it needs done by somebody who still has power over the host.
 *
 * The program begins as the host's root. It joins what exists, clones what the host has to give, sets limits that only the
 * host's root may set; then it joins the user namespace and makes a successor (kernel/successor.ts) with the namespaces that are
 * to belong to it. The successor is nobody on the host; as soon as it has put the root in its place it is root inside, so that
 * all it makes belongs to that.
 */

import {
  type Argument,
  type Call,
  CLONE,
  flags,
  named,
  type Successor,
  successor,
} from "../../kernel/mod.ts";
import type { IdMapping, Process, RuntimeConfig } from "../../spec/oci_runtime.ts";
import { FathomError } from "../../std/errors.ts";
import type { HostFacts, ProgramContext, ProgramStreams } from "./context.ts";
import { limitRows } from "./limits.ts";
import { joinRow, newNamespaces } from "./namespaces.ts";
import { processSettingRows } from "./settings.ts";

/** Whether the container has users of its own. */
export function hasUserNamespace({ linux }: RuntimeConfig): boolean {
  return linux.namespaces.some(({ type }) => type === "user");
}

/** The namespace that a file system shows: only its owner may mount one. */
const SHOWN = { sysfs: "network", mqueue: "ipc", cgroup: "cgroup" } as const;

/** Whether the mount of a file system must be made before the user namespace is entered, since what it shows is the host's. */
export function belongsToHost(config: RuntimeConfig, fileSystem: string | undefined): boolean {
  if (!hasUserNamespace(config)) return false;
  const shown = Object.entries(SHOWN).find(([type]) => type === fileSystem)?.[1];
  if (shown === undefined) return false;
  return !config.linux.namespaces.some(({ type, path }) => type === shown && path === undefined);
}

/** The ID of the host for one inside; undefined where the map has none. */
export function hostId(map: readonly IdMapping[] | undefined, inside: number): number | undefined {
  const range = map?.find(({ containerID, size }) => inside >= containerID && inside < containerID + size);
  return range && range.hostID + inside - range.containerID;
}

/** Rows as the host's root, up to those that make the successor, which is to be named to spawn. */
export function hostSideRows(
  config: RuntimeConfig,
  context: ProgramContext,
  before: readonly Call[],
): { rows: Call[]; successor: Successor } {
  const { joined } = context;
  const user = joined.get("user");
  if (user === undefined) throw new FathomError("internal", "the user namespace was not opened");
  const others = config.linux.namespaces.filter(({ type, path }) => path !== undefined && type !== "user");
  const made = successor({
    namespaces: newNamespaces(config) - newUser(config),
    ...(context.cgroup !== undefined && { cgroup: context.cgroup }),
  });
  return {
    rows: [
      ...others.map((namespace) => joinRow(namespace, joined)),
      ...before,
      ...privilegedRows(config, context),
      enterUserNamespace(named(user, "user namespace")),
      made.birth,
      made.parting,
    ],
    successor: made,
  };
}

function newUser({ linux }: RuntimeConfig): number {
  return linux.namespaces.some(({ type, path }) => type === "user" && path === undefined) ? CLONE.NEWUSER : 0;
}

/** What a process inherits and could not have set from within: its limits, its score, the owner of its streams. */
export function privilegedRows(
  { process, linux }: Pick<RuntimeConfig, "process" | "linux">,
  { streams, host }: { streams: ProgramStreams; host: HostFacts },
): Call[] {
  const owner = hostId(linux.uidMappings, process.user.uid);
  const owned = "descriptors" in streams && owner !== undefined ? streams.owned : [];
  return [
    ...limitRows(process.rlimits ?? [], host),
    ...processSettingRows(process, host),
    ...owned.map((stream): Call => {
      const fd = "descriptors" in streams ? (streams.descriptors[stream] ?? -1) : -1;
      return {
        call: "fchown",
        args: [fd, owner ?? -1, -1],
        may: ["EINVAL", "EPERM", "EROFS"],
        what: "give a stream to the user",
      };
    }),
  ];
}

/** The process as it is inside, without what `privilegedRows` has done. */
export function withoutPrivileged(process: Process): Process {
  const { rlimits = [], oomScoreAdj: _, apparmorProfile: __, ...rest } = process;
  // How many files may be open is limited at the end.
  return { ...rest, rlimits: rlimits.filter(({ type }) => type === "RLIMIT_NOFILE") };
}

function enterUserNamespace(fd: Argument): Call {
  return {
    call: "setns",
    args: [fd, flags("CLONE", CLONE, CLONE.NEWUSER)],
    what: "join the user namespace",
    see: "cat /proc/PID/uid_map",
  };
}

/** Rows that make the process root of its user namespace; until then it is a user whom that does not know. */
export const BECOME_ROOT: readonly Call[] = [
  { call: "setresgid", args: [0, 0, 0], what: "become the user namespace's group 0" },
  {
    call: "setresuid",
    args: [0, 0, 0],
    what: "become the user namespace's root",
    see: "cat /proc/PID/uid_map",
  },
];
