/** Attaching over a WebSocket, with a client that is not ours. */

import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { connect, createServer, type Server } from "node:net";
import { type Engine, eventually, startEngine } from "../harness/mod.ts";
import { NONE } from "./client.ts";

let engine: Engine;
let relay: Server;
beforeAll(async () => {
  engine = await startEngine();
  // The client cannot use a unix socket.
  relay = createServer((client) => {
    const daemon = connect(engine.socket);
    for (const socket of [client, daemon]) socket.on("error", () => socket.destroy());
    client.pipe(daemon).pipe(client);
  });
  await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
});
afterEach(() => engine.removeContainers());
afterAll(async () => {
  relay.close();
  await engine[Symbol.asyncDispose]();
});

interface Session extends Disposable {
  received(): string;
  send(text: string | Uint8Array): void;
  close(): void;
  closed: Promise<number>;
}

async function attach(id: string, query: string): Promise<Session> {
  const address = relay.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  // Docker's handshake wants an origin.
  const headers = { Origin: "http://localhost" };
  const url = `ws://127.0.0.1:${port}/v1.41/containers/${id}/attach/ws?${query}`;
  const socket = new WebSocket(url, { headers });
  socket.binaryType = "arraybuffer";
  const decoder = new TextDecoder();
  let received = "";
  socket.addEventListener("message", ({ data }) => {
    received += typeof data === "string" ? data : decoder.decode(data, { stream: true });
  });
  const closed = new Promise<number>((resolve) =>
    socket.addEventListener("close", ({ code }) => resolve(code)),
  );
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", reject);
  });
  return {
    received: () => received,
    send: (text) => void socket.send(text),
    close: () => socket.close(1000),
    closed,
    [Symbol.dispose]: () => socket.terminate(),
  };
}

const ALL = "stream=1&stdin=1&stdout=1&stderr=1";

test("input goes, output of both kinds comes, and the end of the program is the end", async () => {
  const script = "echo ready; read line; echo out $line; echo err >&2; read line; exit 0";
  const id = await engine.output("docker", ["create", "-i", ...NONE, "busybox", "sh", "-c", script]);
  using session = await attach(id, ALL);
  await engine.output("docker", ["start", id]);
  await eventually("ready", () => session.received().includes("ready\n"));
  session.send("hello\n");
  await eventually(
    "both outputs",
    () => /out hello\n/.test(session.received()) && /err\n/.test(session.received()),
  );
  session.send(new TextEncoder().encode("end\n"));
  await session.closed;
  expect(await engine.output("docker", ["wait", id])).toBe("0");
});

test("a program goes on when its client has closed", async () => {
  const id = await engine.output("docker", ["run", "-dit", ...NONE, "busybox", "sh"]);
  const session = await attach(id, ALL);
  session.send("echo $((40 + 2))\n");
  await eventually("the answer", () => session.received().includes("42\r\n"));
  session.close();
  expect(await session.closed).toBeGreaterThanOrEqual(1000);
  expect(await engine.output("docker", ["inspect", "-f", "{{.State.Running}}", id])).toBe("true");
});

test("what the log holds comes first where it is asked for, and large output is whole", async () => {
  const script = "seq 1 20000; echo end";
  const id = await engine.output("docker", ["run", "-d", ...NONE, "busybox", "sh", "-c", script]);
  await engine.output("docker", ["wait", id]);
  using session = await attach(id, "logs=1&stdout=1");
  await session.closed;
  const lines = session.received().split("\n");
  expect(lines).toHaveLength(20_002);
  expect(lines.at(-2)).toBe("end");
});
