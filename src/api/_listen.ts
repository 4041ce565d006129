/** Listening sockets: who may reach them, and what is left of a daemon that died. */

import { chown, lstat, readFile, unlink } from "node:fs/promises";
import { connect, createServer, isIP, type Server, type Socket } from "node:net";
import { FathomError, messageOf } from "../std/errors.ts";

/** Where to listen. */
export type Listener = UnixListener | TcpListener;

export interface UnixListener {
  kind: "unix";
  path: string;
  /** Name or number of the group that may connect besides root. */
  group?: string | number;
}

export interface TcpListener {
  kind: "tcp";
  host: string;
  /** 0 lets the kernel choose. */
  port: number;
  /** Allows an address that other machines reach, though whoever reaches it is root here. */
  insecure?: boolean;
}

/** Listens and gives every connection to `accept`. The server closes with `close()`; a unix socket's file goes with it. */
export async function listen(listener: Listener, accept: (socket: Socket) => void): Promise<Server> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, accept);
  switch (listener.kind) {
    case "unix":
      await listenUnix(server, listener);
      return server;
    case "tcp":
      await listenTcp(server, listener);
      return server;
  }
}

async function listenTcp(server: Server, { host, port, insecure }: TcpListener): Promise<void> {
  if (insecure !== true && !isLoopback(host)) {
    throw new FathomError(
      "forbidden",
      `refusing to listen on tcp://${host}:${port} without TLS: whoever reaches it is root on this machine. Use a loopback address or a unix socket, or allow it by name`,
    );
  }
  await started(server, `tcp://${host}:${port}`, () => server.listen(port, host));
}

/** Names are not looked up: what `localhost` means is a file's content. */
function isLoopback(host: string): boolean {
  return host === "::1" || host === "localhost" || (isIP(host) === 4 && host.startsWith("127."));
}

async function listenUnix(server: Server, { path, group }: UnixListener): Promise<void> {
  const gid = group === undefined ? undefined : await groupId(group);
  await removeStale(path);
  // The file has its mode from the instant it exists: listen() binds before it returns.
  const before = process.umask(0o117);
  const listening = started(server, path, () => server.listen(path));
  process.umask(before);
  await listening;
  if (gid === undefined) return;
  try {
    await chown(path, 0, gid);
  } catch (error) {
    server.close();
    throw error;
  }
}

function started(server: Server, address: string, start: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("listening", resolve);
    server.once("error", (cause) => {
      reject(new FathomError("unavailable", `cannot listen on ${address}: ${messageOf(cause)}`, { cause }));
    });
    start();
  });
}

/** Removes the socket of a daemon that is gone; one that answers, or a file of another kind, is left and refused. */
async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new FathomError(
      "conflict",
      `cannot listen on ${path}: a file that is not a socket is there; remove it`,
    );
  }
  if (await answers(path)) throw new FathomError("conflict", `a daemon already listens on ${path}`);
  await unlink(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = connect(path);
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNREFUSED" || error.code === "ENOENT") resolve(false);
      else reject(error);
    });
  });
}

async function groupId(group: string | number): Promise<number> {
  if (typeof group === "number") return group;
  for (const line of (await readFile("/etc/group", "utf8")).split("\n")) {
    const [name, , gid] = line.split(":");
    if (name === group && gid !== undefined) return Number(gid);
  }
  throw new FathomError(
    "not-found",
    `no group named ${group} on this machine: create it, or name another for the socket`,
  );
}
