/** What every operation on containers works with: the needs handed in, the host, and the containers there are. */

import type { LogConfig } from "../logs/mod.ts";
import type { Shims } from "../shim/handle.ts";
import type { IdMaps } from "../spec/oci_runtime.ts";
import type { Container } from "./container.ts";
import type { Exec } from "./exec/state.ts";
import type { Files } from "./files/needs.ts";
import type { Host } from "./host.ts";
import type { HostMounts, VolumeStore } from "./mounts/needs.ts";
import type {
  Cgroups,
  ContainerDefaults,
  Emit,
  HostNamesSource,
  Images,
  KillLeftovers,
  Networks,
  Receipts,
  RunProgram,
  SharedMemory,
} from "./needs.ts";
import type { Registry } from "./registry.ts";

export interface ContainersOptions {
  /** Directory of all containers' records, `<data-root>/containers`. */
  root: string;
  /** What need not outlive a boot; bundles are made in it. */
  execRoot: string;
  images: Images;
  networks: Networks;
  files: Files;
  shims: Shims;
  receipts: Receipts;
  emit: Emit;
  killLeftovers: KillLeftovers;
  cgroups: Cgroups;
  runProgram: RunProgram;
  volumes: VolumeStore;
  hostNames: HostNamesSource;
  mounts: HostMounts;
  sharedMemory: SharedMemory;
  /** Name to program of the runtimes that containers may ask for; the native one has none. */
  runtimes: Readonly<Record<string, { path?: string }>>;
  defaultRuntime: string;
  defaults: ContainerDefaults;
  /** Writes the init's program, once, and gives its path. */
  initProgram: () => Promise<string>;
  /** The log driver of containers that name none, and its options. */
  defaultLog: LogConfig;
  /** The users of the host as whom those of containers appear that do not ask for `--userns host`. */
  idMaps?: IdMaps | undefined;
  /** Takes one sentence for the log. */
  warn: (sentence: string) => void;
}

export interface Context {
  readonly options: ContainersOptions;
  readonly host: Host;
  readonly registry: Registry;
  /** What the end of a container leads to; handed in, so that the end need not know the beginning. Callers hold `exclusive`. */
  readonly start: (container: Container) => Promise<void>;
  readonly remove: (container: Container, options?: { volumes: boolean }) => Promise<void>;
  /** Every exec known, also ended ones for a while, by ID. */
  readonly execs: Map<string, Exec>;
}
