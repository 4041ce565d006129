/** For tests: a daemon on a socket of its own, whose answers a test gives as raw HTTP. */

import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { fileURLToPath } from "node:url";

export interface FakeDaemon extends AsyncDisposable {
  /** Address for -H. */
  address: string;
  /** Request lines and bodies, in the order of their coming. */
  requests: { line: string; head: string; body: string }[];
}

/** Answers a request; `line` is `METHOD path`, and the socket is open in both directions until the answer ends it. */
export type Answer = (line: string, socket: Socket, body: string) => void;

export async function fakeDaemon(answer: Answer): Promise<FakeDaemon> {
  const directory = await mkdtemp("/tmp/fathom-test-cli-");
  const requests: FakeDaemon["requests"] = [];
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    readHead(socket, (head, body) => {
      const line = (head.split("\r\n", 1)[0] ?? "").replace(/ HTTP\/1\.1$/, "");
      requests.push({ line, head, body });
      answer(line, socket, body);
    });
  });
  await new Promise<void>((resolve) => server.listen(`${directory}/s`, resolve));
  return {
    address: `unix://${directory}/s`,
    requests,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await rm(directory, { recursive: true });
    },
  };
}

/** Waits for a head and a body of the length it names; chunks that follow are left to the answer. */
function readHead(socket: Socket, done: (head: string, body: string) => void): void {
  let held = "";
  const take = (bytes: Buffer) => {
    held += bytes.toString("latin1");
    const end = held.indexOf("\r\n\r\n");
    if (end < 0) return;
    const head = held.slice(0, end);
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
    if (held.length < end + 4 + length) return;
    socket.off("data", take);
    const rest = held.slice(end + 4 + length);
    socket.pause();
    if (rest !== "") socket.unshift(Buffer.from(rest, "latin1"));
    done(head, Buffer.from(held.slice(end + 4, end + 4 + length), "latin1").toString());
    socket.resume();
  };
  socket.on("data", take);
}

/** A JSON answer. */
export function json(status: number, value: unknown): string {
  const body = JSON.stringify(value);
  return `HTTP/1.1 ${status} X\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

export const UPGRADED = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";

export interface Finished {
  code: number | null;
  out: string;
  err: string;
}

/** The command that runs the command line in a process of its own, which its use of standard streams and of signals asks for. */
export function fathomCommand(...args: string[]): string[] {
  const script = `import { main } from ${JSON.stringify(fileURLToPath(new URL("mod.ts", import.meta.url)))}; process.exitCode = await main(process.argv.slice(1));`;
  return [process.execPath, "--no-env-file", "--config=/dev/null", "-e", script, "--", ...args];
}

/** Runs a command line to its end. */
export async function fathom(args: string[], input: Uint8Array = new Uint8Array()): Promise<Finished> {
  const child = Bun.spawn(fathomCommand(...args), { stdin: input, stdout: "pipe", stderr: "pipe" });
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, out, err };
}
