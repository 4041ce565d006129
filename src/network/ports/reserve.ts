/** Giving a container the ports of the host that it asks for, or saying who has them. */

import { listOpenSockets, type OpenSocket, ownerOfSocket, readSysctl } from "../../kernel/net/mod.ts";
import { FathomError } from "../../std/errors.ts";
import type { SandboxRecord } from "../records.ts";
import { addressesTaken, allocate, type Holder, type Host, type Refusal, type Taken } from "./allocate.ts";
import { ipOfBytes, type PortRange, type PortWish, type Protocol, placeText } from "./port.ts";
import { exitOf, hasIPv6, heldRanges, type Ports } from "./state.ts";

/** dockerd's, where the host does not say. */
const USUAL_EPHEMERAL: PortRange = { first: 49_153, last: 65_535 };

/**
 * Notes in `sandbox` which ports it has from now on. Nobody else can have come in between: nothing here waits.
 * @returns why it cannot have them, in which case it has none
 */
export function reservePorts(
  ports: Ports,
  sandbox: SandboxRecord,
  wishes: readonly PortWish[],
): Refusal | undefined {
  const exit = exitOf(ports.store, sandbox);
  // Without a way to the outside there is nothing to publish, as in Docker.
  if (wishes.length === 0 || exit === undefined) return undefined;
  const given = allocate(wishes, hostOf(ports, wishes, { reachedByIPv6: exit.target.address6 !== "" }), {
    cursor: ports.cursor,
    container: sandbox.Container,
  });
  if (!Array.isArray(given)) return given;
  sandbox.Ports = given;
  return undefined;
}

function hostOf(
  ports: Ports,
  wishes: readonly PortWish[],
  { reachedByIPv6 }: { reachedByIPv6: boolean },
): Host {
  const { settings, forwarder } = ports;
  const protocols = new Set(wishes.map(({ protocol }) => protocol));
  const held = heldRanges(ports).map(({ container, range }) => ({
    protocol: range.Protocol,
    address: range.HostIp,
    ports: { first: range.HostPort, last: range.HostPort + range.Count - 1 },
    holder: { container },
  }));
  return {
    taken: [...held, ...[...protocols].flatMap(takenByProcesses)],
    ephemeral: ephemeralPorts(),
    defaultAddress: settings.defaultAddress,
    bothFamilies: settings.ipv6 && (forwarder.tcp !== undefined || reachedByIPv6) && hasIPv6(),
  };
}

function takenByProcesses(protocol: Protocol): Taken[] {
  return listOpenSockets(protocol).flatMap((socket) =>
    addressesTaken(ipOfBytes(socket.address), socket).map((address) =>
      takenBy(socket, { protocol, address }),
    ),
  );
}

function takenBy({ port, inode }: OpenSocket, at: Pick<Taken, "protocol" | "address">): Taken {
  return { ...at, ports: { first: port, last: port }, holder: { inode } };
}

function ephemeralPorts(): PortRange {
  const [first = 0, last = 0] = (readSysctl("net/ipv4/ip_local_port_range") ?? "").split(/\s+/).map(Number);
  return first > 0 && last >= first ? { first, last } : USUAL_EPHEMERAL;
}

/** The error of a container that cannot have its ports, in Docker's words and with who has them. */
export async function refusedPorts(
  { protocol, address, port, holder }: Refusal,
  { container, endpoint, nameOf }: { container: string; endpoint: string; nameOf: (id: string) => string },
): Promise<FathomError> {
  const place = placeText(address, port);
  const why = await whyRefused({ protocol, place, holder }, nameOf);
  return new FathomError(
    "internal",
    `driver failed programming external connectivity on endpoint ${nameOf(container)} (${endpoint}): ${why}`,
  );
}

async function whyRefused(
  { protocol, place, holder }: { protocol: Protocol; place: string; holder: Holder | undefined },
  nameOf: (id: string) => string,
): Promise<string> {
  if (holder === undefined) return `all ports are allocated: none is free at ${place.replace(/:\d+$/, "")}`;
  if ("container" in holder)
    return `Bind for ${place} failed: port is already allocated: container ${nameOf(holder.container)} has it`;
  const family = place.startsWith("[") ? 6 : 4;
  const owner = await ownerOfSocket(holder.inode);
  const who = owner === undefined ? "a process that cannot be seen" : `${owner.name} (process ${owner.pid})`;
  return `listen ${protocol}${family} ${place}: bind: address already in use: ${who} has it`;
}
