import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Duplex } from "node:stream";
import { type FakeApi, fakeApi, messageIn } from "../_test_api.ts";
import { openClient } from "../test_support.ts";
import { acceptWebSocket } from "./handshake.ts";
import { overWebSocket } from "./stream.ts";

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const FIELDS = {
  host: "engine",
  upgrade: "websocket",
  connection: "keep-alive, Upgrade",
  "sec-websocket-version": "13",
  "sec-websocket-key": KEY,
};

function accept(changes: Record<string, string> = {}): string {
  try {
    return acceptWebSocket(new Map(Object.entries({ ...FIELDS, ...changes })));
  } catch (error) {
    return String(error);
  }
}

describe("a handshake", () => {
  test("is answered as RFC 6455 has it in its example", () => {
    expect(accept()).toEndWith("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  });

  test.each([
    [{ upgrade: "tcp" }, "not a WebSocket handshake"],
    [{ connection: "close" }, "not a WebSocket handshake"],
    [{ "sec-websocket-version": "8" }, "must be 13"],
    [{ "sec-websocket-key": "short" }, "16 bytes in base64"],
    [{ origin: "https://evil.example" }, "may not open a WebSocket here"],
    [{ origin: "null" }, "may not open a WebSocket here"],
  ])("with %j is refused", (changes, sentence) => expect(accept(changes)).toContain(sentence));

  test("may come from the same host, and from clients that call themselves local", () => {
    for (const origin of ["http://engine", "http://localhost", "http://127.0.0.1:8080/"])
      expect(accept({ origin })).toStartWith("HTTP/1.1 101");
  });
});

describe("the route", () => {
  let api: FakeApi;
  beforeAll(async () => {
    api = await fakeApi();
  });
  afterAll(() => api[Symbol.asyncDispose]());

  const request = (target: string) =>
    `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n\r\n`;

  test("attaches, and gives output without Docker's frames", async () => {
    using client = await openClient(api.path);
    client.socket.write(request("/v1.51/containers/c/attach/ws?stream=1&stdin=1&stdout=1"));
    client.socket.write(Buffer.from([0x82, 0x82, 0, 0, 0, 0, 104, 105]));
    client.socket.end();
    await client.end;
    expect(client.received()).toStartWith("HTTP/1.1 101 Switching Protocols\r\n");
    expect(client.received()).toEndWith("\r\n\r\n\x82\x06got hi\x88\x02\x03\xe8");
    expect(api.engine.calls[0]?.[0]).toBe("containers.attach");
  });

  test("answers what is no handshake, and an attach that fails, as JSON", async () => {
    expect(messageIn(await api.ask("GET", "/containers/c/attach/ws"))).toStartWith(
      "not a WebSocket handshake",
    );
    using client = await openClient(api.path);
    client.socket.write(request("/containers/throw-not-found/attach/ws"));
    await client.until("thrown: not-found");
    expect(client.received()).toStartWith("HTTP/1.1 404");
  });
});

describe("over a WebSocket", () => {
  /** A program that gives back what it gets. */
  function echo(): Duplex {
    return new Duplex({
      read: () => undefined,
      write(chunk, _encoding, done) {
        this.push(chunk);
        done();
      },
      final(done) {
        this.push(null);
        done();
      },
    });
  }

  async function all(stream: Duplex): Promise<number[]> {
    const parts: Buffer[] = [];
    for await (const part of stream) parts.push(part);
    return [...Buffer.concat(parts)];
  }

  test("a ping is answered, a close is echoed, and the program is let go", async () => {
    const program = echo();
    const socket = overWebSocket(program, { text: false });
    socket.write(Buffer.from([0x89, 0x81, 0, 0, 0, 0, 120, 0x88, 0x82, 0, 0, 0, 0, 3, 232]));
    expect(await all(socket)).toEqual([0x8a, 1, 120, 0x88, 2, 3, 232]);
    expect(program.destroyed).toBe(true);
  });

  test("a client that breaks the protocol is told so and cut off", async () => {
    const program = echo();
    const socket = overWebSocket(program, { text: false });
    socket.write(Buffer.from([0x82, 1, 65]));
    expect(await all(socket)).toEqual([0x88, 2, 3, 234]);
    expect(program.destroyed).toBe(true);
  });

  test("pings of a client that does not read are not piled up", async () => {
    const socket = overWebSocket(echo(), { text: false });
    const ping = Buffer.from([0x89, 0x80 | 125, 0, 0, 0, 0, ...Buffer.alloc(125)]);
    for (let count = 0; count < 20_000; count++) socket.write(ping);
    await Bun.sleep(20);
    expect(socket.readableLength).toBeLessThan(200_000);
    socket.destroy();
  });

  test("text for old clients is never cut within a character", async () => {
    const program = echo();
    const socket = overWebSocket(program, { text: true });
    program.push(Buffer.from([0xc3]));
    program.push(Buffer.from([0xa9]));
    program.push(null);
    expect(await all(socket)).toEqual([0x81, 2, 0xc3, 0xa9, 0x88, 2, 3, 232]);
  });
});
