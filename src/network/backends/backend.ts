/**
 * What keeps an engine's rules in the kernel: the one seam between what the rules are to be about and how a host is told.
 *
 * Wanted are bridges (../firewall.ts) and, of the records, what is published. A backend makes rules of them, has them in force at
 * once or not at all, puts back what somebody takes away, and leaves nothing when no bridge is left. nftables.ts is the one that
 * is used where it can be had; iptables.ts has the same behaviour by the host's own program.
 */

import type { NetlinkSocket } from "../../kernel/net/mod.ts";
import type { FilteredBridge } from "../firewall.ts";
import type { RunWithInput } from "../forwarding/run.ts";
import type { ForwarderPorts } from "../ports/maps.ts";
import type { SandboxRecord } from "../records.ts";
import type { RecordStore } from "../store.ts";

export type BackendName = "nftables" | "iptables";

export interface FirewallBackend {
  readonly name: BackendName;
  /** What must be on the host for it to work; part of a sentence. */
  readonly needs: string;
  /** Has the rules speak of these bridges, and of no others, and of all that is published. @throws where they cannot be set. */
  put(bridges: readonly FilteredBridge[]): Promise<void>;
  /** Leads the ports of a container on record to it. @throws where that cannot be had. */
  publish(sandbox: SandboxRecord): Promise<void>;
  /** The opposite, before its record goes; no error where nothing is there. */
  retract(sandbox: SandboxRecord): Promise<void>;
  /** What a user should know of how this host treats the networks' traffic. */
  warnings(): readonly string[];
  /** Resolves when what was begun is done. */
  settled(): Promise<void>;
  /** Stops watching; the rules stay. */
  close(): void;
}

/** What is published, as it is at the moment it is read. */
export interface Publications {
  store: RecordStore;
  /** Where the forwarder listens, once it is open. */
  forwarder: ForwarderPorts;
}

export interface BackendTools {
  /** Name of the engine's own table; that of chains begins with it. */
  table: string;
  published: Publications;
  /** What comes to published ports is asked of the host's own rules first. */
  respectHostFirewall: boolean;
  /** A file that is there while rules are kept by iptables, so that whoever keeps them by nftables later knows of those. */
  mark: string;
  host: () => NetlinkSocket;
  run: RunWithInput;
  warn: (sentence: string) => void;
}
