/** What a plan is made of. */

import type { BlockIo } from "../../spec/oci_runtime.ts";
import type { Host } from "../host.ts";
import type { ContainerRecord } from "../records.ts";
import type { DeviceAccess } from "./resources.ts";
import type { UserFiles } from "./users.ts";

export interface PlanInput {
  record: ContainerRecord;
  /** What the host can give. */
  facts: Host;
  /** Absolute paths on the host. */
  paths: ContainerPaths;
  /** The image's, as they are in the container now. */
  users: UserFiles;
  devices: readonly DeviceAccess[];
  /** Limits on block devices, which were found by their paths. */
  blockIo: BlockIo | undefined;
  /** First processes of the containers whose namespaces are joined. */
  joined: JoinedPids;
  /** Where what is mounted lies for this start, by destination, where it is not the record's Source. */
  sources?: ReadonlyMap<string, string>;
  /** Variables of the containers it is linked to. */
  linked?: readonly string[];
}

export interface ContainerPaths {
  /** The init's program, for a container that has one. */
  init?: string;
  rootfs: string;
  hostname: string;
  hosts: string;
  resolv: string;
  /** Shared memory that lies on the host; absent: the container's own, or none. */
  shm?: string;
}

export interface JoinedPids {
  /** The process in whose network namespace it is to be, or the path at which that is kept; neither where it gets a new one. */
  network?: number | string;
  pid?: number;
  ipc?: number;
}
