/** Leading ports of the host to a container, and no longer: in the kernel, by its maps. */

import { changeMaps, findLink, readSysctl, reflectPort, writeSysctl } from "../../kernel/net/mod.ts";
import { FathomError, messageOf } from "../../std/errors.ts";
import type { SandboxRecord } from "../records.ts";
import { forgetFlowsOf, forgetFlowsTo } from "./flows.ts";
import { changesOf, type Entry, entriesOf, type ForwarderPorts, isLoopbackReached } from "./maps.ts";
import { placeText } from "./port.ts";
import { type Exit, exitOf, type Ports } from "./state.ts";

/**
 * Has the kernel lead what `sandbox` was given to it, all at once.
 * @throws {FathomError} unavailable, where the engine keeps no rules
 * @throws {SyscallError}
 */
export function openPorts(ports: Ports, sandbox: SandboxRecord): void {
  const exit = exitOf(ports.store, sandbox);
  if (!sandbox.Ports?.length || exit === undefined) return;
  if (!ports.filter)
    throw new FathomError(
      "unavailable",
      "ports cannot be published, as the engine was started with --iptables=false: publishing is done by rules",
    );
  const port = findLink(ports.host(), exit.link);
  if (port !== undefined) reflectPort(ports.host(), port);
  if (sandbox.Ports.some(isLoopbackReached)) letLoopbackPass(exit.network.Link);
  const entries = entriesFor(ports, sandbox, exit);
  ports.guard();
  try {
    changeMaps(ports.table, changesOf(entries, "add"), `publish ${portsText(sandbox)}`);
  } catch (error) {
    // Somebody has flushed all rules this very moment. What is put back has these ports too: they are on record.
    if (!isAbsence(error)) throw error;
    ports.mend();
  }
  // Nobody waits for this; it takes some milliseconds, and the next packet of such a flow comes later anyway.
  if (hasUdp(sandbox)) setTimeout(() => quietly(ports, () => forgetFlowsTo(sandbox, exit.target)), 0);
}

/** The opposite; no error where nothing is there. */
export function closePorts(ports: Ports, sandbox: SandboxRecord): void {
  const exit = exitOf(ports.store, sandbox);
  if (!sandbox.Ports?.length || exit === undefined || !ports.filter) return;
  const entries = entriesFor({ forwarder: WHEREVER }, sandbox, exit);
  const what = `take ${portsText(sandbox)} back`;
  const remove = (some: readonly Entry[]) => changeMaps(ports.table, changesOf(some, "remove"), what);
  try {
    remove(entries);
  } catch {
    // Some are missing, as after a flush of the rules, and one that is missing keeps the others.
    for (const entry of entries) quietly(ports, () => remove([entry]), isAbsence);
  }
  quietly(ports, () => ports.guard(sandbox));
  if (hasUdp(sandbox)) quietly(ports, () => forgetFlowsOf(exit.target));
}

/** What is removed is found by its key alone: this may be the rest of an engine whose forwarder listened elsewhere. */
const WHEREVER: ForwarderPorts = { tcp: 0, udp: 0 };

function entriesFor(
  { forwarder }: Pick<Ports, "forwarder">,
  { Ports: ranges = [] }: SandboxRecord,
  { target }: Exit,
): Entry[] {
  return ranges.flatMap((range) => entriesOf(range, target, forwarder));
}

function isAbsence(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

/** What goes wrong here leaves something that harms nobody; the log tells of it. */
function quietly(
  { warn }: Ports,
  work: () => void,
  isExpected: (error: unknown) => boolean = () => false,
): void {
  try {
    work();
  } catch (error) {
    if (!isExpected(error)) warn(`published ports: ${messageOf(error)}`);
  }
}

/** ip-sysctl.rst: without it the kernel sends nothing from 127.0.0.1 by another link than `lo`. See rules.ts for what that asks for. */
function letLoopbackPass(bridge: string): void {
  const path = `net/ipv4/conf/${bridge}/route_localnet`;
  if (readSysctl(path) !== "1") writeSysctl(path, "1");
}

function hasUdp({ Ports: ranges = [] }: SandboxRecord): boolean {
  return ranges.some(({ Protocol }) => Protocol === "udp");
}

const MOST_NAMED = 4;

function portsText({ Ports: ranges = [] }: SandboxRecord): string {
  const named = ranges.slice(0, MOST_NAMED).map(({ HostIp, HostPort, Count, Protocol }) => {
    const place = placeText(HostIp, HostPort);
    return `${Count === 1 ? place : `${place}-${HostPort + Count - 1}`}/${Protocol}`;
  });
  return [...named, ...(ranges.length > MOST_NAMED ? [`${ranges.length - MOST_NAMED} more`] : [])].join(", ");
}
