/** Connections to syslog servers. */

import { createSocket, type Socket as Datagrams } from "node:dgram";
import { readFile } from "node:fs/promises";
import { connect as connectStream, isIPv6, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { codeOf } from "../std/absent.ts";
import { FathomError, messageOf } from "../std/errors.ts";
import type { SyslogAddress, TlsFiles } from "./target.ts";

/** A connection; messages are sent one after another. */
export interface Link {
  /** Resolves when the messages are on their way. @throws when the connection is gone; they may be lost then. */
  send(messages: readonly Uint8Array[]): Promise<void>;
  /** Whether it is known to be gone. */
  readonly gone: boolean;
  close(): void;
}

/** Opens a unix datagram socket that is connected to a path: the runtime has none of its own. */
export type DialDatagrams = (path: string) => Link;

type LinkAddress = Exclude<SyslogAddress, { kind: "local" }>;

/** Where a host's own server listens, in the order in which it is looked for: datagrams first. */
const LOCAL_PATHS = ["/dev/log", "/var/run/syslog", "/var/run/log"];
/** In milliseconds. */
const DIAL_TIMEOUT = 10_000;
/** How long a server has for what is on its way when the connection is closed, in milliseconds. */
const FAREWELL = 1000;

/** @throws {FathomError} unavailable, in Docker's words. */
export async function dial(address: SyslogAddress, datagrams: DialDatagrams): Promise<Link> {
  if (address.kind !== "local") return dialOne(address, datagrams);
  for (const kind of ["unixgram", "unix"] as const) {
    for (const path of LOCAL_PATHS) {
      const link = await dialOne({ kind, path }, datagrams).catch(() => undefined);
      if (link !== undefined) return link;
    }
  }
  throw new FathomError("unavailable", "Unix syslog delivery error");
}

async function dialOne(address: LinkAddress, datagrams: DialDatagrams): Promise<Link> {
  try {
    switch (address.kind) {
      case "unixgram":
        return datagrams(address.path);
      case "unix":
        return await streamLink(connectStream({ path: address.path }), "connect");
      case "udp":
        return await udpLink(address);
      case "tcp":
        return await streamLink(connectStream({ host: address.host, port: address.port }), "connect");
      case "tls": {
        const { host, port } = address;
        const socket = connectTls({ host, port, ...(await tlsOptions(address.tls)) });
        return await streamLink(socket, "secureConnect");
      }
    }
  } catch (cause) {
    if (cause instanceof FathomError) throw cause;
    throw new FathomError("unavailable", `dial ${placeOf(address)}: ${reasonOf(cause)}`, { cause });
  }
}

async function tlsOptions({ ca, cert, key, skipVerify }: TlsFiles): Promise<object> {
  const read = (what: string, path: string) =>
    readFile(path).catch((cause) => {
      throw new FathomError("invalid", `could not read ${what} "${path}": open ${path}: ${reasonOf(cause)}`, {
        cause,
      });
    });
  return {
    rejectUnauthorized: !skipVerify,
    ...(ca !== undefined && { ca: await read("CA certificate", ca) }),
    ...(cert !== undefined && { cert: await read("certificate", cert) }),
    ...(key !== undefined && { key: await read("key", key) }),
  };
}

/** A link over a stream that is connecting; `connected` is the event that tells that it is. */
async function streamLink(socket: Socket, connected: "connect" | "secureConnect"): Promise<Link> {
  let failure: Error | undefined;
  let gone = false;
  socket.on("error", (error) => {
    failure = error;
  });
  // A server that goes ends its half first; what is sent then would be lost.
  for (const event of ["end", "close"]) {
    socket.on(event, () => {
      gone = true;
    });
  }
  const timer = setTimeout(() => socket.destroy(new Error("i/o timeout")), DIAL_TIMEOUT);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once(connected, resolve);
      socket.once("close", () => reject(failure ?? new Error("the connection was closed")));
    });
  } finally {
    clearTimeout(timer);
  }
  socket.resume();
  return {
    get gone() {
      return gone;
    },
    send: (messages) =>
      new Promise((resolve, reject) => {
        const lost = (): void => reject(failure ?? new Error("the connection was closed"));
        if (gone) return lost();
        socket.once("close", lost);
        socket.write(Buffer.concat(messages), (error) => {
          socket.off("close", lost);
          if (error) reject(error);
          else resolve();
        });
      }),
    close: () => {
      socket.end();
      setTimeout(() => socket.destroy(), FAREWELL).unref();
    },
  };
}

async function udpLink({ host, port }: { host: string; port: number }): Promise<Link> {
  const socket: Datagrams = createSocket(isIPv6(host) ? "udp6" : "udp4");
  // That nobody listens just now is no reason to stop sending.
  socket.on("error", () => undefined);
  return {
    gone: false,
    send: async (messages) => {
      for (const message of messages)
        await new Promise<void>((resolve) => socket.send(message, port, host, () => resolve()));
    },
    close: () => socket.close(),
  };
}

function placeOf(address: LinkAddress): string {
  switch (address.kind) {
    case "unix":
    case "unixgram":
      return `${address.kind} ${address.path}`;
    case "udp":
      return `udp ${endpoint(address)}`;
    case "tcp":
    case "tls":
      return `tcp ${endpoint(address)}`;
  }
}

function endpoint({ host, port }: { host: string; port: number }): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connect: connection refused",
  ENOENT: "no such file or directory",
  EACCES: "permission denied",
  EHOSTUNREACH: "connect: no route to host",
  ENETUNREACH: "connect: network is unreachable",
  ETIMEDOUT: "i/o timeout",
};

function reasonOf(error: unknown): string {
  return REASONS[codeOf(error) ?? ""] ?? messageOf(error);
}
