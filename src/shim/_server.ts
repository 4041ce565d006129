/** The shim's socket: tells control connections from stream connections and answers requests. */

import { chmodSync, rmSync } from "node:fs";
import type { SocketHandler, SocketListener } from "bun";
import { FathomError, kindOf, messageOf } from "../std/errors.ts";
import { Attachment } from "./_attachment.ts";
import { Connection } from "./_connection.ts";
import { encodeMessage, LineBuffer } from "./_messages.ts";
import { adopt, descriptorOf, listenWith } from "./_sockets.ts";
import type { Turns } from "./_turns.ts";
import type { FromDaemon, Notice, Reply, Request } from "./protocol.ts";

/** How long a shim waits for its daemon, in milliseconds. */
const PATIENCE = 10_000;

/** The open sockets, for another image of this process to go on with. */
export interface ServerHandover {
  listener: number;
  controls: number[];
}

/** Serves the containers of a shim to whoever may open its socket. */
export class Server {
  readonly #path: string;
  readonly #turns: Turns;
  readonly #connections = new Set<Connection>();
  /** Control connections, with the beginning of a message that has not come whole. */
  readonly #controls = new Map<Connection, LineBuffer>();
  readonly #nobodyCame: ReturnType<typeof setTimeout>;
  #listener: SocketListener<Connection> | undefined;
  #received = 0;
  #answering = 0;

  /** `listen` or `resume` begins. */
  constructor(path: string, turns: Turns) {
    this.#path = path;
    this.#turns = turns;
    this.#nobodyCame = setTimeout(() => turns.left(), PATIENCE);
  }

  /** How many bytes have come; for whoever wants to know whether it is quiet. */
  get received(): number {
    return this.#received;
  }

  /** What it takes to go on elsewhere; undefined while a message, an answer or an attachment is under way. */
  get handover(): ServerHandover | undefined {
    if (this.#listener === undefined || this.#answering > 0) return undefined;
    if (this.#connections.size > this.#controls.size) return undefined;
    const controls: number[] = [];
    for (const [{ idle }, lines] of this.#controls) {
      if (idle === undefined || !lines.empty) return undefined;
      controls.push(idle);
    }
    return { listener: descriptorOf(this.#listener), controls };
  }

  /** Listens at the path, mode 0600. */
  listen(): void {
    const mask = process.umask(0o177);
    try {
      this.#listener = Bun.listen<Connection>({ unix: this.#path, ...this.#accepting() });
      chmodSync(this.#path, 0o600);
    } finally {
      process.umask(mask);
    }
  }

  /** Goes on with sockets that an earlier image of this process has opened. */
  async resume({ listener, controls }: ServerHandover): Promise<void> {
    clearTimeout(this.#nobodyCame);
    if (controls.length === 0) this.#turns.left();
    const adopted = handlers((connection) => this.#adopt(connection));
    const adopting = controls.map((fd) => adopt(fd, adopted));
    this.#listener = listenWith(listener, this.#accepting());
    await Promise.all(adopting);
  }

  /** Sends a notice to every control connection. */
  notify(notice: Notice): void {
    for (const connection of this.#controls.keys()) connection.send(encodeMessage(notice));
  }

  /** Takes nobody on any more; resolves when every control connection has taken all that was sent and is closed. */
  async close(): Promise<void> {
    clearTimeout(this.#nobodyCame);
    rmSync(this.#path, { force: true });
    this.#listener?.stop();
    const open = [...this.#controls.keys()];
    for (const connection of open) connection.finish();
    await Promise.all(open.map(({ closed }) => closed));
  }

  #accepting(): ReturnType<typeof handlers> {
    return handlers((connection) => this.#accept(connection));
  }

  #accept(connection: Connection): void {
    const lines = new LineBuffer();
    let greeted = false;
    this.#register(connection);
    this.#receive(connection, (bytes) => {
      lines.push(bytes);
      const first = greeted ? undefined : lines.line();
      if (first === undefined) return;
      greeted = true;
      const message: FromDaemon = JSON.parse(first);
      if (message.type === "attach") {
        const container = this.#turns.at(message.turn);
        const onDetach = () => this.notify({ type: "detached", target: message.target });
        container.attach(
          new Attachment(connection, message, { early: lines.rest(), onDetach }),
          message.target,
        );
        return;
      }
      clearTimeout(this.#nobodyCame);
      this.#turns.joined();
      void this.#welcome(connection, lines);
    });
  }

  /** A daemon that was killed may have asked for a launch that is still under way: the next hears of it once it is settled. */
  async #welcome(connection: Connection, lines: LineBuffer): Promise<void> {
    await this.#turns.container.settled();
    if (this.#connections.has(connection)) {
      for (const notice of this.#turns.notices()) connection.send(encodeMessage(notice));
      this.#control(connection, lines);
    } else if (this.#controls.size === 0) this.#turns.left();
  }

  /** A control connection whose hello an earlier image of this process has heard. */
  #adopt(connection: Connection): void {
    this.#register(connection);
    this.#control(connection, new LineBuffer());
  }

  #register(connection: Connection): void {
    this.#connections.add(connection);
    void connection.closed.then(() => {
      this.#connections.delete(connection);
      if (this.#controls.delete(connection) && this.#controls.size === 0) this.#turns.left();
    });
  }

  /** Goes on with a connection that has said hello. */
  #control(connection: Connection, lines: LineBuffer): void {
    this.#controls.set(connection, lines);
    const take = this.#receive(connection, (bytes) => {
      lines.push(bytes);
      for (let line = lines.line(); line !== undefined; line = lines.line()) {
        const message: FromDaemon = JSON.parse(line);
        if (!("seq" in message))
          throw new FathomError("invalid", `a ${message.type} message has no place here`);
        void this.#answer(connection, message);
      }
    });
    take(new Uint8Array(0));
  }

  async #answer(connection: Connection, message: Numbered & { seq: number }): Promise<void> {
    this.#answering += 1;
    const reply = await answer(this.#turns, message);
    this.#answering -= 1;
    connection.send(encodeMessage({ ...reply, seq: message.seq }));
  }

  /** Whoever sends what is no message is cut off; others do not notice. */
  #receive(connection: Connection, receive: (bytes: Uint8Array) => void): (bytes: Uint8Array) => void {
    const data = (bytes: Uint8Array): void => {
      this.#received += bytes.length;
      try {
        receive(bytes);
      } catch (error) {
        connection.send(encodeMessage({ type: "refused", message: messageOf(error) }));
        connection.finish();
      }
    };
    connection.listen({ data, end: () => connection.finish(), close: () => undefined });
    return data;
  }
}

/** What the sockets tell goes to their connections; `open` is given each. */
function handlers(open: (connection: Connection) => void): {
  allowHalfOpen: true;
  socket: SocketHandler<Connection>;
} {
  return {
    allowHalfOpen: true,
    socket: {
      open: (socket) => {
        socket.data = new Connection(socket);
        open(socket.data);
      },
      data: (socket, bytes) => socket.data.told.data(bytes),
      drain: (socket) => socket.data.told.drain(),
      end: (socket) => socket.data.told.end(),
      close: (socket) => socket.data.told.close(),
      error: (socket) => socket.data.told.close(),
    },
  };
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
      container.signal(request);
      return { type: "done" };
    case "resize":
      container.resize(request, request.target);
      return { type: "done" };
    case "names":
      await container.resolve(request.names);
      return { type: "done" };
    case "rehearse":
      turns.onRehearse?.();
      return { type: "done" };
    case "reset":
      await turns.next();
      return { type: "done" };
    default:
      throw unknownRequest(request);
  }
}

function unknownRequest(request: never): FathomError {
  const { type } = request as { type: unknown };
  return new FathomError(
    "unsupported",
    `the shim of the container is of another build and does not know the request ${JSON.stringify(type)}: restart the container`,
  );
}

/** Docker's status of a failure to start. */
function exitCodeOf(error: unknown): number {
  const code = error instanceof FathomError && "exitCode" in error ? error.exitCode : undefined;
  return typeof code === "number" ? code : 128;
}
