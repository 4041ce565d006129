/** Syslog servers of a test's own: each notes what it is sent. */

import { dlopen, FFIType } from "bun:ffi";
import { createSocket } from "node:dgram";
import { closeSync, readSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";

export interface SyslogServer extends AsyncDisposable {
  /** As `--log-opt syslog-address` has it. */
  address: string;
  /** What came, without newlines at the end: messages, or lines of a stream. */
  messages(): string[];
  /** Takes what comes, or leaves it in the kernel's buffers. */
  take(on: boolean): void;
}

/** On a port of loopback. */
export async function udpServer(): Promise<SyslogServer> {
  const messages: string[] = [];
  const socket = createSocket("udp4", (message) => messages.push(message.toString().replace(/\n$/, "")));
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return {
    address: `udp://127.0.0.1:${socket.address().port}`,
    messages: () => messages,
    take: () => undefined,
    [Symbol.asyncDispose]: async () => void socket.close(),
  };
}

interface StreamOptions {
  /** Path of a unix socket, instead of a port. */
  path?: string;
  port?: number;
  /** With TLS. */
  pem?: { key: string; cert: string; ca?: string };
}

/** On a stream: TCP, TLS or a unix socket. Disposing it cuts every connection. */
export async function streamServer({ path, port = 0, pem }: StreamOptions = {}): Promise<SyslogServer> {
  const chunks: Buffer[] = [];
  const sockets = new Set<Socket>();
  let taking = true;
  const serve = (socket: Socket): void => {
    sockets.add(socket);
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
    if (!taking) socket.pause();
  };
  const server: Server =
    pem === undefined
      ? createServer(serve)
      : createTlsServer({ ...pem, ...(pem.ca && { requestCert: true, rejectUnauthorized: true }) }, serve);
  await new Promise<void>((resolve) =>
    path === undefined ? server.listen(port, "127.0.0.1", resolve) : server.listen(path, resolve),
  );
  const address = server.address();
  const scheme = pem === undefined ? "tcp" : "tcp+tls";
  return {
    address:
      typeof address === "object" && address !== null
        ? `${scheme}://127.0.0.1:${address.port}`
        : `unix://${path}`,
    messages: () => Buffer.concat(chunks).toString().split("\n").filter(Boolean),
    take: (on) => {
      taking = on;
      for (const socket of sockets) (on ? socket.resume() : socket.pause()).setTimeout(0);
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** unix(7), socket(2). */
const AF_UNIX = 1;
const SOCK_DGRAM_NONBLOCK = 2 | 0o4000;

/** On a unix datagram socket, which the runtime does not have. */
export function datagramServer(path: string): SyslogServer {
  const { int, ptr } = FFIType;
  const libc = dlopen("libc.so.6", {
    socket: { args: [int, int, int], returns: int },
    bind: { args: [int, ptr, int], returns: int },
  });
  const fd = libc.symbols.socket(AF_UNIX, SOCK_DGRAM_NONBLOCK, 0);
  const address = Buffer.from([AF_UNIX, 0, ...Buffer.from(path), 0]);
  if (fd < 0 || libc.symbols.bind(fd, address, address.length) !== 0)
    throw new Error(`no datagram socket can be had at ${path}`);
  const messages: string[] = [];
  const block = new Uint8Array(64 * 1024);
  const take = (): void => {
    try {
      for (;;)
        messages.push(
          Buffer.from(block.subarray(0, readSync(fd, block)))
            .toString()
            .trimEnd(),
        );
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    }
  };
  return {
    address: `unixgram://${path}`,
    messages: () => {
      take();
      return messages;
    },
    take: () => undefined,
    [Symbol.asyncDispose]: async () => closeSync(fd),
  };
}
