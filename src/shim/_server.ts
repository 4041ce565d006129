/** The shim's socket: tells control connections from stream connections and answers requests. */

import { chmodSync, rmSync } from "node:fs";
import { FathomError, kindOf, messageOf } from "../std/errors.ts";
import { Attachment } from "./_attachment.ts";
import { Connection } from "./_connection.ts";
import { encodeMessage, LineBuffer } from "./_messages.ts";
import type { Turns } from "./_turns.ts";
import type { FromDaemon, Notice, Reply, Request } from "./protocol.ts";

/** How long a shim waits for its daemon, in milliseconds. */
const PATIENCE = 10_000;

/** Serves the containers of a shim to whoever may open the socket. */
export interface Server {
  /** Sends a notice to every control connection. */
  notify(notice: Notice): void;
  /** Takes nobody on any more; resolves when every control connection has taken all that was sent and is closed. */
  close(): Promise<void>;
}

/** Listens at `path`, mode 0600. */
export function serve(path: string, turns: Turns): Server {
  const controls = new Set<Connection>();
  const nobodyCame = setTimeout(() => turns.left(), PATIENCE);
  const accept = (connection: Connection): void => {
    const lines = new LineBuffer();
    const receive = (bytes: Uint8Array): void => {
      lines.push(bytes);
      const first = lines.line();
      if (first === undefined) return;
      const message: FromDaemon = JSON.parse(first);
      if (message.type === "attach") {
        turns.at(message.turn).attach(new Attachment(connection, message, lines.rest()), message.target);
        return;
      }
      controls.add(connection);
      clearTimeout(nobodyCame);
      turns.joined();
      for (const notice of turns.notices()) connection.send(encodeMessage(notice));
      control(turns, connection, lines);
    };
    connection.listen({
      data: guarded(connection, receive),
      end: () => connection.finish(),
      close: () => undefined,
    });
    void connection.closed.then(() => {
      if (controls.delete(connection) && controls.size === 0) turns.left();
    });
  };
  const listener = listen(path, accept);
  return {
    notify: (notice) => {
      for (const connection of controls) connection.send(encodeMessage(notice));
    },
    close: async () => {
      clearTimeout(nobodyCame);
      rmSync(path, { force: true });
      listener.stop();
      const open = [...controls];
      for (const connection of open) connection.finish();
      await Promise.all(open.map(({ closed }) => closed));
    },
  };
}

function listen(path: string, accept: (connection: Connection) => void): { stop(): void } {
  const mask = process.umask(0o177);
  try {
    const listener = Bun.listen<Connection>({
      unix: path,
      allowHalfOpen: true,
      socket: {
        open: (socket) => {
          socket.data = new Connection(socket);
          accept(socket.data);
        },
        data: (socket, bytes) => socket.data.told.data(bytes),
        drain: (socket) => socket.data.told.drain(),
        end: (socket) => socket.data.told.end(),
        close: (socket) => socket.data.told.close(),
        error: (socket) => socket.data.told.close(),
      },
    });
    chmodSync(path, 0o600);
    return listener;
  } finally {
    process.umask(mask);
  }
}

/** Whoever sends what is no message is cut off; others do not notice. */
function guarded(connection: Connection, receive: (bytes: Uint8Array) => void): (bytes: Uint8Array) => void {
  return (bytes) => {
    try {
      receive(bytes);
    } catch (error) {
      connection.send(encodeMessage({ type: "refused", message: messageOf(error) }));
      connection.finish();
    }
  };
}

/** Goes on with a connection that has said hello. */
function control(turns: Turns, connection: Connection, lines: LineBuffer): void {
  const receive = (bytes: Uint8Array): void => {
    lines.push(bytes);
    for (let line = lines.line(); line !== undefined; line = lines.line()) {
      const message: FromDaemon = JSON.parse(line);
      if (!("seq" in message))
        throw new FathomError("invalid", `a ${message.type} message has no place here`);
      void answer(turns, message).then((reply) => {
        connection.send(encodeMessage({ ...reply, seq: message.seq }));
      });
    }
  };
  const take = guarded(connection, receive);
  connection.listen({ data: take, end: () => connection.finish(), close: () => undefined });
  take(new Uint8Array(0));
}

async function answer(turns: Turns, request: Numbered): Promise<Reply> {
  try {
    return await perform(turns, request);
  } catch (error) {
    return { type: "failed", message: messageOf(error), code: exitCodeOf(error), kind: kindOf(error) };
  }
}

type Numbered = Request & { turn: number };

async function perform(turns: Turns, request: Numbered): Promise<Reply> {
  const container = turns.at(request.turn);
  switch (request.type) {
    case "launch":
      return { type: "launched", ...(await container.launch(request.launch)) };
    case "exec":
      return { type: "launched", ...(await container.exec(request.exec)) };
    case "signal":
      container.signal(request.signal, request.target);
      return { type: "done" };
    case "resize":
      container.resize(request, request.target);
      return { type: "done" };
    case "reset":
      await turns.next();
      return { type: "done" };
  }
}

/** Docker's status of a failure to start. */
function exitCodeOf(error: unknown): number {
  const code = error instanceof FathomError && "exitCode" in error ? error.exitCode : undefined;
  return typeof code === "number" ? code : 128;
}
