/**
 * Forwards what comes by IPv6 to containers that have only IPv4, which no rule can: one socket for all ports and protocol, to which
 * the rules send it (maps.ts). Whom it was for, the kernel remembers: the connection's original destination.
 *
 * It runs in the daemon and ends with it; what comes by IPv4 needs nobody. A container sees the bridge's address as the sender's.
 */

import { createSocket, type RemoteInfo, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { findFlow, listFlows } from "../../kernel/net/mod.ts";
import type { ForwarderPorts } from "./maps.ts";
import { familyOf, ipBytes, ipOfBytes, PROTOCOL_NUMBERS } from "./port.ts";

export interface Forwarder {
  /** Where it listens. */
  ports: ForwarderPorts;
  close(): void;
}

/** Where to what was sent to an address and port of this host is to go. */
export type Destination = (
  protocol: "tcp" | "udp",
  address: string,
  port: number,
) => { address: string; port: number } | undefined;

const EVERYWHERE = { host: "::", port: 0, ipv6Only: true } as const;

/** @throws {Error} of the system, where no socket can be had. */
export async function openForwarder(destination: Destination): Promise<Forwarder> {
  const connections = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
    connections.add(client);
    client.once("close", () => connections.delete(client));
    forwardConnection(client, destination);
  });
  server.listen(EVERYWHERE);
  await once(server, "listening");
  const datagrams = createSocket({ type: "udp6", ipv6Only: true });
  datagrams.bind(0, "::");
  await once(datagrams, "listening");
  const close = forwardDatagrams(datagrams, destination);
  return {
    ports: { tcp: (server.address() as AddressInfo).port, udp: datagrams.address().port },
    close() {
      close();
      server.close();
      for (const connection of connections) connection.destroy();
    },
  };
}

/** A connection that no rule has sent here has this port as its destination, which nobody publishes. */
function forwardConnection(client: Socket, destination: Destination): void {
  const { localAddress = "::", remoteAddress = "::", localPort = 0, remotePort = 0 } = client;
  const original = findFlow(PROTOCOL_NUMBERS.tcp, {
    source: withoutZone(localAddress),
    destination: withoutZone(remoteAddress),
    sourcePort: localPort,
    destinationPort: remotePort,
  })?.original;
  const to = original && destination("tcp", ipOfBytes(original.destination), original.destinationPort);
  if (to === undefined) {
    client.destroy();
    return;
  }
  const upstream = connect({ host: to.address, port: to.port, allowHalfOpen: true });
  // Whoever of the two breaks off has the other broken off.
  for (const [one, other] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    one.on("error", () => other.destroy());
    one.on("close", (failed) => failed && other.destroy());
  }
  client.pipe(upstream).pipe(client);
}

function withoutZone(address: string): Uint8Array {
  return ipBytes(address.replace(/%.*$/, ""));
}

/** A client of UDP, and the socket by which its container answers. */
interface Session {
  upstream: UdpSocket;
  to: { address: string; port: number };
  timer: ReturnType<typeof setTimeout>;
}

/** As long as the kernel remembers a flow that goes both ways, in milliseconds. */
const IDLE = 120_000;
const MOST_SESSIONS = 1024;

/** Gives what ends it. */
function forwardDatagrams(socket: UdpSocket, destination: Destination): () => void {
  const sessions = new Map<string, Session>();
  const end = (key: string): void => {
    const session = sessions.get(key);
    if (session === undefined) return;
    sessions.delete(key);
    clearTimeout(session.timer);
    session.upstream.close();
  };
  socket.on("message", (message, client) => {
    const key = `${client.address} ${client.port}`;
    const session = sessions.get(key) ?? begin(client, key);
    if (session === undefined) return;
    session.timer.refresh();
    session.upstream.send(message, session.to.port, session.to.address);
  });
  const begin = (client: RemoteInfo, key: string): Session | undefined => {
    const to = udpDestination(client, socket.address().port, destination);
    if (to === undefined) return undefined;
    const [oldest] = sessions.keys();
    if (sessions.size >= MOST_SESSIONS && oldest !== undefined) end(oldest);
    const upstream = createSocket(familyOf(to.address) === 4 ? "udp4" : "udp6");
    upstream.on("message", (answer, from) => {
      if (from.address === to.address) socket.send(answer, client.port, client.address);
    });
    upstream.on("error", () => end(key));
    const session = { upstream, to, timer: setTimeout(() => end(key), IDLE).unref() };
    sessions.set(key, session);
    return session;
  };
  return () => {
    for (const key of [...sessions.keys()]) end(key);
    socket.close();
  };
}

/** A datagram does not say to which of this host's addresses it came, so that its flow has to be searched for. */
function udpDestination(client: RemoteInfo, port: number, destination: Destination): ReturnType<Destination> {
  const address = ipOfBytes(withoutZone(client.address));
  const flow = listFlows(6, PROTOCOL_NUMBERS.udp).find(
    ({ reply }) =>
      reply.sourcePort === port &&
      reply.destinationPort === client.port &&
      ipOfBytes(reply.destination) === address,
  );
  return flow && destination("udp", ipOfBytes(flow.original.destination), flow.original.destinationPort);
}
