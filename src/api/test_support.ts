/** For tests of the API: a socket to listen on, and clients that speak bytes. */

import { mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A directory of the test's own, removed when it is disposed. */
export async function temporaryDirectory(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), "fathom-test-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** A connected client that keeps what it receives. */
export interface Client extends Disposable {
  socket: Socket;
  received(): string;
  /** Resolves once what came contains `text`. */
  until(text: string): Promise<void>;
  /** Resolves once the server has ended its half. */
  end: Promise<void>;
}

export async function openClient(path: string): Promise<Client> {
  const socket = connect({ path, allowHalfOpen: true });
  const chunks: Buffer[] = [];
  const received = () => Buffer.concat(chunks).toString("latin1");
  let look: () => void = () => undefined;
  socket.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    look();
  });
  const end = new Promise<void>((resolve) => {
    socket.once("end", resolve);
    socket.once("close", () => resolve());
  });
  // Tests cut connections on purpose; what they wait for is the end.
  socket.on("error", () => socket.destroy());
  await new Promise<void>((resolve) => socket.once("connect", resolve));
  return {
    socket,
    received,
    end,
    until: (text) =>
      new Promise((resolve, reject) => {
        look = () => {
          if (received().includes(text)) resolve();
        };
        void end.then(() => reject(new Error(`ended without ${JSON.stringify(text)}: ${received()}`)));
        look();
      }),
    [Symbol.dispose]: () => socket.destroy(),
  };
}

/** Sends bytes, half-closes, and gives all that comes back. */
export async function exchange(path: string, ...pieces: (string | Uint8Array)[]): Promise<string> {
  using client = await openClient(path);
  for (const piece of pieces) client.socket.write(piece);
  client.socket.end();
  await client.end;
  return client.received();
}
