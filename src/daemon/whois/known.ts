/** What is known of the engine's containers, networks and directories when somebody asks whose a thing is. */

import type { Wiring } from "../../network/mod.ts";
import type { MountPoint } from "../../spec/docker.ts";
import type { WhoisContainer, WhoisFinding } from "../../spec/whois.ts";

export interface KnownContainer extends WhoisContainer {
  Ports: { IP?: string; PrivatePort: number; PublicPort?: number; Type: string }[];
  Mounts: MountPoint[];
}

export interface Known {
  containers: KnownContainer[];
  wiring: Wiring;
  dataRoot: string;
  execRoot: string;
}

/** A container without what only the search needs. */
export function shown({ Id, Name, Image, Command, State, Pid }: KnownContainer): {
  Container: WhoisContainer;
} {
  return { Container: { Id, Name, Image, Command, State, Pid } };
}

/** The finding's container by its ID; nothing where it is none that is known. */
export function containerOf({ containers }: Known, id: string): Pick<WhoisFinding, "Container"> {
  const found = containers.find(({ Id }) => Id === id);
  return found === undefined ? {} : shown(found);
}
