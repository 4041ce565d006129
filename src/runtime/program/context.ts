/** What a program must know of the host: descriptors opened beforehand, and facts that cannot be found out while it runs. */

import type { Arch, CgroupLayout } from "../../kernel/mod.ts";
import type { NamespaceType } from "../../spec/oci_runtime.ts";

export interface ProgramContext {
  /** The root file system's directory on the host, absolute. */
  root: string;
  streams: ProgramStreams;
  /** How many descriptors from 3 on the program is to have as well. */
  preserved?: number;
  /** cgroup v1: descriptors to write "0" to (see Entrance); none where the process is born in its group. */
  procs: readonly number[];
  /** Descriptors of the namespaces that the configuration names by path. */
  joined: ReadonlyMap<NamespaceType, number>;
  /** What stands at the host paths of bind mounts, and at paths to be masked as far as that is known beforehand. */
  kinds: ReadonlyMap<string, PathKind>;
  /** Descriptors of user namespaces whose maps mounts are to have, by where those go. */
  idMapped: ReadonlyMap<string, number>;
  /** The container's directories in the hierarchies of `host.cgroups`, in their order. */
  cgroupDirectories: readonly string[];
  /** For a user namespace, in which no device can be made: a path of the host for each device, by its path in the container. */
  devicePaths?: ReadonlyMap<string, string>;
  /** For a user namespace on cgroup v2: a descriptor of the group to be born in. */
  cgroup?: number;
  /** HOME for a program that is given none: what the root's /etc/passwd says of its user. */
  home: string;
  host: HostFacts;
  /** What its seccomp profile compiles to; absent where it has none. */
  filter?: Uint8Array | undefined;
  /** Where there are hooks for whose end the process waits. */
  gates?: Gates;
}

/** Descriptors by which the process tells that it has come to a gate, and hears that it may pass (gates.ts). */
export interface Gates {
  arrived: number;
  pass: number;
}

/**
 * A mount must be of the same kind as its target. What is neither file nor directory (a socket, a device) is mounted on a file.
 */
export type PathKind = "directory" | "file" | "absent";

/** Descriptors for standard input, output and error, or a terminal made inside, whose master goes out through `socket`. */
export type ProgramStreams = DescriptorStreams | TerminalStreams;
export interface DescriptorStreams {
  descriptors: readonly [stdin: number, stdout: number, stderr: number];
  /** Those of 0, 1 and 2 that are to belong to the program's user, so that it can open /dev/stdout anew. */
  owned: readonly number[];
}
export interface TerminalStreams {
  socket: number;
  columns?: number;
  rows?: number;
}

/** What this host allows its root, found out once. */
export interface HostFacts {
  arch: Arch;
  cgroups: CgroupLayout;
  /** The highest capability the kernel knows. */
  lastCapability: number;
  /** The permitted set of this process: what a container can be given at the most. Bit n is capability n. */
  capabilities: bigint;
  /** The hard limits of this process by name; without CAP_SYS_RESOURCE none can be raised. */
  hardLimits: ReadonlyMap<string, bigint>;
  /** Its score; without CAP_SYS_RESOURCE it cannot be lowered. */
  oomScoreAdj: number;
}
