/**
 * Sockets by descriptor, both ways. Bun can do it for a listener and for what it has accepted, and its types do not say so;
 * doze.test.ts shows that it is so.
 */

import type { SocketListener, SocketOptions, UnixSocketOptions } from "bun";

/** Flags of Connection's sockets: the end of one half is not that of the other. */
type Options<Data> = SocketOptions<Data> & { allowHalfOpen: boolean };

/** Goes on listening with a descriptor. */
export function listenWith<Data>(fd: number, options: Options<Data>): SocketListener<Data> {
  return Bun.listen<Data>(withDescriptor(fd, options));
}

/** Goes on with a connection; `open` is called for it. */
export async function adopt<Data>(fd: number, options: Options<Data>): Promise<void> {
  await Bun.connect<Data>(withDescriptor(fd, options));
}

function withDescriptor<Data>(fd: number, options: Options<Data>): UnixSocketOptions<Data> {
  return { ...options, fd } as unknown as UnixSocketOptions<Data>;
}

/** The descriptor of a connection or listener. */
export function descriptorOf(socket: object): number {
  const fd = "fd" in socket ? socket.fd : undefined;
  if (typeof fd !== "number") throw new TypeError("a socket has no descriptor");
  return fd;
}
