/** Leading ports of the host to a container, and no longer: in the kernel, by rules. */

import { findLink, readSysctl, reflectPort, writeSysctl } from "../../kernel/net/mod.ts";
import { FathomError, messageOf } from "../../std/errors.ts";
import type { SandboxRecord } from "../records.ts";
import { forgetFlowsOf, forgetFlowsTo } from "./flows.ts";
import { isLoopbackReached } from "./maps.ts";
import { exitOf, type Ports } from "./state.ts";

/**
 * Has the kernel lead what `sandbox` was given to it, all at once.
 * @throws {FathomError} unavailable, where the engine keeps no rules
 * @throws {SyscallError}
 */
export async function openPorts(ports: Ports, sandbox: SandboxRecord): Promise<void> {
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
  await ports.firewall.publish(sandbox);
  // Nobody waits for this; it takes some milliseconds, and the next packet of such a flow comes later anyway.
  if (hasUdp(sandbox)) setTimeout(() => quietly(ports, () => forgetFlowsTo(sandbox, exit.target)), 0);
}

/** The opposite; no error where nothing is there. What it goes by it has read when it returns, done it is when that resolves. */
export async function closePorts(ports: Ports, sandbox: SandboxRecord): Promise<void> {
  const exit = exitOf(ports.store, sandbox);
  if (!sandbox.Ports?.length || exit === undefined || !ports.filter) return;
  await ports.firewall.retract(sandbox);
  if (hasUdp(sandbox)) quietly(ports, () => forgetFlowsOf(exit.target));
}

/** What goes wrong here leaves something that harms nobody; the log tells of it. */
function quietly({ warn }: Ports, work: () => void): void {
  try {
    work();
  } catch (error) {
    warn(`published ports: ${messageOf(error)}`);
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
