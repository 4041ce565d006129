/**
 * A byte stream to the daemon over a Unix or TCP socket, with back-pressure and half-close in both directions.
 *
 * Built on Bun.connect: loading node:net takes 9 ms, which is as much as a whole `fathom version` may take.
 */

import type { Socket } from "bun";
import type { Endpoint } from "../endpoint.ts";
import { ConnectionError, ProtocolError } from "../errors.ts";

/** Bytes taken from the socket and not yet read by us at which reading pauses. */
const HIGH_WATER = 1 << 20;

export interface Connection {
  /** The next bytes, or null once the peer has closed its direction. */
  read(): Promise<Uint8Array | null>;
  /** Gives bytes back, to be read next. */
  unread(bytes: Uint8Array): void;
  /** Resolves when the bytes are handed to the system; waits while the peer is slow. One write at a time. */
  write(bytes: Uint8Array): Promise<void>;
  /** Closes our direction; the peer reads to its end. */
  closeWrite(): void;
  /** Closes both directions at once. */
  close(): void;
}

interface State {
  socket: Socket<undefined> | undefined;
  received: Uint8Array[];
  waiting: number;
  ended: boolean;
  error: Error | undefined;
  /** Wakes the one reader and the one writer. */
  readable: () => void;
  writable: () => void;
}

/** Connects. Throws ConnectionError. */
export async function connect(endpoint: Endpoint): Promise<Connection> {
  const state: State = {
    socket: undefined,
    received: [],
    waiting: 0,
    ended: false,
    error: undefined,
    readable: () => undefined,
    writable: () => undefined,
  };
  const options = { allowHalfOpen: true, socket: handlers(state) };
  try {
    state.socket =
      endpoint.kind === "unix"
        ? await Bun.connect({ ...options, unix: endpoint.path })
        : await Bun.connect({ ...options, hostname: endpoint.host, port: endpoint.port });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    throw new ConnectionError(endpoint.address, code, { cause: error });
  }
  return connectionOf(state);
}

function handlers(state: State) {
  const finish = (error?: Error) => {
    state.ended = true;
    state.error ??= error;
    state.readable();
    state.writable();
  };
  return {
    data(socket: Socket<undefined>, bytes: Buffer) {
      state.received.push(bytes);
      state.waiting += bytes.length;
      if (state.waiting > HIGH_WATER) socket.pause();
      state.readable();
    },
    drain: () => state.writable(),
    end() {
      state.ended = true;
      state.readable();
    },
    close: (_socket: Socket<undefined>, error?: Error) => finish(error),
    error: (_socket: Socket<undefined>, error: Error) => finish(error),
  };
}

function connectionOf(state: State): Connection {
  return {
    read: () => read(state),
    unread(bytes) {
      if (bytes.length === 0) return;
      state.received.unshift(bytes);
      state.waiting += bytes.length;
    },
    write: (bytes) => write(state, bytes),
    closeWrite: () => state.socket?.shutdown(),
    close: () => state.socket?.terminate(),
  };
}

async function read(state: State): Promise<Uint8Array | null> {
  for (;;) {
    const bytes = state.received.shift();
    if (bytes) {
      const wasFull = state.waiting > HIGH_WATER;
      state.waiting -= bytes.length;
      if (wasFull && state.waiting <= HIGH_WATER) state.socket?.resume();
      return bytes;
    }
    if (state.error) throw state.error;
    if (state.ended) return null;
    const { promise, resolve } = Promise.withResolvers<void>();
    state.readable = resolve;
    await promise;
  }
}

async function write(state: State, bytes: Uint8Array): Promise<void> {
  let rest = bytes;
  while (rest.length > 0) {
    const written = state.socket?.write(rest) ?? -1;
    if (written < 0 || state.error)
      throw state.error ?? new ProtocolError("the daemon closed the connection");
    rest = rest.subarray(written);
    if (rest.length === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    state.writable = resolve;
    await promise;
    if (state.error) throw state.error;
  }
}
