import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createServer, type Server } from "node:net";
import { Duplex } from "node:stream";
import { exchange, openClient, temporaryDirectory } from "../test_support.ts";
import { createHttpServer, type HttpRequest, type HttpServer, type Reply } from "./mod.ts";

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let path: string;
let server: Server;
let http: HttpServer;
const aborted: string[] = [];
const reported: string[] = [];

/** Answers by target; the tests below say what for. */
async function handler(request: HttpRequest, reply: Reply): Promise<void> {
  switch (request.target) {
    case "/echo":
      return reply.send(200, {}, `${request.method} ${await textOf(request.body)}`);
    case "/stream":
      return reply.stream(200, {}, lines());
    case "/broken":
      return reply.stream(200, {}, broken());
    case "/throw":
      throw new Error("on purpose");
    case "/upgrade":
      return reply.hijack("HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp", shouting());
    case "/watch":
      return await new Promise<void>((resolve) => {
        request.signal.addEventListener("abort", () => {
          aborted.push("watch");
          resolve(reply.send(200, {}, "gone"));
        });
      });
    case "/flood":
      return reply.stream(200, {}, flood());
    default:
      return reply.send(200, { "X-Target": request.target }, "ignored the body");
  }
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

async function* lines() {
  yield "one\n";
  await Bun.sleep(1);
  yield Buffer.from("two\n");
}

async function* broken() {
  yield "half";
  throw new Error("broken source");
}

let flooded = 0;
async function* flood() {
  const block = Buffer.alloc(65536);
  while (flooded < 2 ** 30) {
    flooded += block.length;
    yield block;
  }
}

/** Gives back what is written, in capitals, and a farewell when its input ends. */
function shouting(): Duplex {
  return new Duplex({
    read: () => undefined,
    write(chunk: Buffer, _, done) {
      this.push(chunk.toString().toUpperCase());
      done();
    },
    final(done) {
      this.push("BYE");
      this.push(null);
      done();
    },
  });
}

beforeAll(async () => {
  directory = await temporaryDirectory();
  path = `${directory.path}/http.sock`;
  http = createHttpServer({
    handler,
    fields: { Server: "test" },
    report: (error) => reported.push(error instanceof Error ? error.message : String(error)),
  });
  server = createServer({ allowHalfOpen: true }, http.accept).listen(path);
  await new Promise((resolve) => server.once("listening", resolve));
});

afterAll(async () => {
  server.close();
  await http.close(100);
  await directory[Symbol.asyncDispose]();
});

const get = (target: string, more = "") => `GET ${target} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;
const post = (body: string) =>
  `POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const chunked = (body: string) =>
  `POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${body}`;
const status = (answer: string) => answer.split(" ", 2)[1];

describe("answers", () => {
  test("a whole answer has a length, the common fields and a date", async () => {
    const answer = await exchange(path, post("hello"));
    expect(answer).toStartWith("HTTP/1.1 200 OK\r\nServer: test\r\nContent-Length: 10\r\nDate: ");
    expect(answer).toEndWith("\r\n\r\nPOST hello");
  });

  test("requests sent at once are answered one after another, in their order", async () => {
    const answer = await exchange(
      path,
      post("first") + get("/stream") + chunked("6\r\nsecond\r\n0\r\n\r\n") + get("/x"),
    );
    const bodies = ["POST first", "one", "two", "POST second", "X-Target: /x"].map((text) =>
      answer.indexOf(text),
    );
    expect(bodies).not.toContain(-1);
    expect(bodies).toEqual(bodies.toSorted((a, b) => a - b));
  });

  test("a body that the handler left unread is skipped before the next request", async () => {
    const answer = await exchange(
      path,
      post("GET /evil HTTP/1.1\r\n\r\n").replace("/echo", "/a") + get("/b"),
    );
    expect(answer.match(/X-Target: \S+/g)).toEqual(["X-Target: /a", "X-Target: /b"]);
  });

  test("behind an unread body that is large the connection closes, and the answer still arrives", async () => {
    using client = await openClient(path);
    client.socket.write("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n");
    client.socket.write(Buffer.alloc(3_000_000));
    await client.end;
    expect(client.received()).toContain("Connection: close\r\n");
    expect(client.received()).toEndWith("ignored the body");
  });

  test("HEAD gets the head of an answer without its body", async () => {
    const answer = await exchange(path, get("/x").replace("GET", "HEAD"));
    expect(answer).toContain("Content-Length: 16\r\n");
    expect(answer).toEndWith("\r\n\r\n");
  });

  test("a stream goes to HTTP/1.1 in chunks and to HTTP/1.0 until the connection closes", async () => {
    expect(await exchange(path, get("/stream"))).toEndWith("\r\n\r\n4\r\none\n\r\n4\r\ntwo\n\r\n0\r\n\r\n");
    const old = await exchange(path, "GET /stream HTTP/1.0\r\n\r\n");
    expect(old).toContain("Connection: close\r\n");
    expect(old).toEndWith("\r\n\r\none\ntwo\n");
  });

  test("the head of a stream goes out before its first piece", async () => {
    using client = await openClient(path);
    client.socket.write(get("/stream"));
    await client.until("\r\n\r\n");
    await client.until("0\r\n\r\n");
  });

  test("a stream whose source fails is cut, not ended", async () => {
    const answer = await exchange(path, get("/broken"));
    expect(answer).toEndWith("4\r\nhalf\r\n");
    expect(reported.splice(0)).toEqual(["broken source"]);
  });

  test("what a handler throws is reported and answered with 500", async () => {
    expect(status(await exchange(path, get("/throw")))).toBe("500");
    expect(reported.splice(0)).toEqual(["on purpose"]);
  });

  test("HTTP/1.0 keeps the connection only when it asks for it", async () => {
    const twice = "GET /a HTTP/1.0\r\n\r\n".repeat(2);
    expect((await exchange(path, twice)).split("HTTP/1.1").length - 1).toBe(1);
    const kept = "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n".repeat(2);
    expect((await exchange(path, kept)).split("HTTP/1.1").length - 1).toBe(2);
  });
});

describe("bodies", () => {
  test("100 Continue is sent when the body is asked for, and not when it is refused", async () => {
    const wants = "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    using client = await openClient(path);
    client.socket.write(`POST /echo HTTP/1.1\r\nHost: x\r\n${wants}`);
    await client.until("HTTP/1.1 100 Continue\r\n\r\n");
    client.socket.write("ok");
    await client.until("POST ok");
    using other = await openClient(path);
    other.socket.write(`POST /other HTTP/1.1\r\nHost: x\r\n${wants}`);
    await other.end;
    expect(other.received()).not.toContain("100 Continue");
    expect(other.received()).toContain("Connection: close\r\n");
  });

  test("chunks, extensions and trailers are read", async () => {
    const answer = await exchange(
      path,
      chunked("3;a=b\r\nabc\r\n0A \r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n"),
    );
    expect(answer).toEndWith("POST abc0123456789");
  });

  test("a body that is cut off is an error", async () => {
    expect(
      status(await exchange(path, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc")),
    ).toBe("500");
    reported.splice(0);
  });
});

describe("clients", () => {
  test("the signal fires when the client stops sending", async () => {
    aborted.splice(0);
    expect(await exchange(path, get("/watch"))).toEndWith("gone");
    expect(aborted).toEqual(["watch"]);
  });

  test("the signal fires when the client is cut off", async () => {
    aborted.splice(0);
    const client = await openClient(path);
    client.socket.write(get("/watch"));
    await Bun.sleep(20);
    client.socket.destroy();
    for (let n = 0; n < 100 && aborted.length === 0; n++) await Bun.sleep(10);
    expect(aborted).toEqual(["watch"]);
  });

  test("a client that does not read holds the stream's source back", async () => {
    flooded = 0;
    using client = await openClient(path);
    client.socket.pause();
    client.socket.write(get("/flood"));
    await Bun.sleep(200);
    const held = flooded;
    await Bun.sleep(100);
    expect(flooded).toBe(held);
    expect(held).toBeLessThan(8 * 2 ** 20);
  });
});

describe("hijacked connections", () => {
  test("bytes behind the request's head go into the stream, and half-close is passed on", async () => {
    const answer = await exchange(
      path,
      `${get("/upgrade", "Connection: Upgrade\r\nUpgrade: tcp\r\n")}hello`,
      " world",
    );
    expect(answer).toBe("HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\nHELLO WORLDBYE");
  });

  test("both directions stay open for as long as the program runs", async () => {
    using client = await openClient(path);
    client.socket.write(get("/upgrade"));
    await client.until("\r\n\r\n");
    client.socket.write("a");
    await client.until("A");
    client.socket.write("b");
    await client.until("AB");
    client.socket.end();
    await client.end;
    expect(client.received()).toEndWith("ABBYE");
  });
});

describe("refused, and the connection closed", () => {
  const refusals: [name: string, request: string, status: string][] = [
    ["length and transfer coding", chunked("0\r\n\r\n").replace("Host", "Content-Length: 5\r\nHost"), "400"],
    ["two lengths", post("abc").replace("Host", "Content-Length: 3\r\nHost"), "400"],
    ["two lengths in one field", post("abc").replace("Length: 3", "Length: 3, 3"), "400"],
    ["a length with a sign", post("abc").replace("Length: 3", "Length: +3"), "400"],
    ["a length in hexadecimal", post("abc").replace("Length: 3", "Length: 0x3"), "400"],
    ["a length beyond all measure", post("abc").replace("Length: 3", "Length: 99999999999999999999"), "400"],
    ["a transfer coding twice", chunked("").replace("Host", "Transfer-Encoding: chunked\r\nHost"), "400"],
    ["another transfer coding", chunked("").replace("chunked", "gzip, chunked"), "501"],
    ["a transfer coding in HTTP/1.0", chunked("").replace("HTTP/1.1", "HTTP/1.0"), "400"],
    ["a folded line", get("/x", "A: b\r\n c\r\n"), "400"],
    ["a bare LF", "GET /x HTTP/1.1\nHost: x\n\n", "400"],
    ["a bare CR", get("/x", "A: b\rc\r\n"), "400"],
    ["a space before the colon", get("/x", "A : b\r\n"), "400"],
    ["a field without a name", get("/x", ": b\r\n"), "400"],
    ["a line without a colon", get("/x", "abc\r\n"), "400"],
    ["NUL in a field", get("/x", "A: b\0\r\n"), "400"],
    ["no host", "GET /x HTTP/1.1\r\n\r\n", "400"],
    ["two hosts", get("/x", "Host: y\r\n"), "400"],
    ["two spaces in the request line", get(" /x"), "400"],
    ["another version of HTTP", get("/x").replace("HTTP/1.1", "HTTP/2.0"), "505"],
    ["another expectation", get("/x", "Expect: 200-ok\r\n"), "417"],
    ["too many fields", get("/x", "A: b\r\n".repeat(300)), "431"],
    ["a head that is too large", get("/x", `A: ${"b".repeat(300_000)}\r\n`), "431"],
  ];
  for (const [name, request, expected] of refusals) {
    test(name, async () => {
      const answer = await exchange(path, request + get("/smuggled"));
      expect(status(answer)).toBe(expected);
      expect(answer).toContain("Connection: close\r\n");
      expect(answer).toMatch(/\r\n\r\n\{"message":".+"\}\n$/);
    });
  }

  const badChunks: [name: string, body: string][] = [
    ["a size with a prefix", "0x3\r\nabc\r\n0\r\n\r\n"],
    ["a size with a sign", "-3\r\nabc\r\n0\r\n\r\n"],
    ["no size", "\r\nabc\r\n0\r\n\r\n"],
    ["a size beyond all measure", `${"F".repeat(16)}\r\nabc`],
    ["a bare LF behind a size", "3\nabc\r\n0\r\n\r\n"],
    ["more data than the size", "3\r\nabcd\r\n0\r\n\r\n"],
    ["a bare LF behind the data", "3\r\nabc\n0\r\n\r\n"],
    ["a huge extension", `3;${"x".repeat(1000)}\r\nabc\r\n0\r\n\r\n`],
    ["a folded trailer", "0\r\nA: b\r\n c\r\n\r\n"],
  ];
  for (const [name, body] of badChunks) {
    test(`in chunks: ${name}`, async () => {
      // The handler did not read the body, so that only the skipping meets the fault: nothing may follow it.
      const answer = await exchange(path, chunked(body).replace("/echo", "/a") + get("/smuggled"));
      expect(answer).not.toContain("/smuggled");
      expect(status(await exchange(path, chunked(body)))).toBe("500");
      reported.splice(0);
    });
  }
});
