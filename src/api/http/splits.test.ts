import { expect, test } from "bun:test";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { createHttpServer } from "./mod.ts";

const REQUESTS = [
  "GET /a?b=c HTTP/1.1\r\nHost: x\r\nX-Long:  \t spaced out \t \r\n\r\n",
  "\r\nHEAD /_ping HTTP/1.1\r\nHost: x\r\n\r\n",
  "POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\nhello\r\nyou\nGET /c HTTP/1.1\r\nHost: x\r\n\r\n",
  "POST /d HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nT: u\r\n\r\nGET /e HTTP/1.1\r\nHost: x\r\n\r\n",
  "POST /f HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX\r\n0\r\n\r\n",
  "POST /g HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc",
  "GET /h HTTP/1.1\r\nHost: x\r\nA: b\nC: d\r\n\r\n",
  "GET /i HTTP/1.1\r\nHost: x\r\n folded\r\n\r\nGET /j HTTP/1.1\r\nHost: x\r\n\r\n",
];

/** What the server makes of bytes that come in these pieces: each request as read, and every status sent. */
async function outcome(pieces: Buffer[]): Promise<string> {
  const seen: string[] = [];
  const server = createHttpServer({
    fields: {},
    report: () => undefined,
    handler: async (request, reply) => {
      const body: Uint8Array[] = [];
      try {
        for await (const piece of request.body) body.push(piece);
      } catch {
        return reply.send(400, {});
      }
      const fields = JSON.stringify([...request.fields]);
      seen.push(
        `${request.method} ${request.target} ${fields} ${JSON.stringify(Buffer.concat(body).toString("latin1"))}`,
      );
      await reply.send(200, {});
    },
  });
  const socket = new MemorySocket();
  server.accept(socket as unknown as Socket);
  for (const piece of pieces) {
    socket.push(piece);
    await new Promise(setImmediate);
  }
  socket.push(null);
  await server.close(1000);
  const statuses = socket.written.join("").match(/^HTTP\/1\.1 \d+/gm) ?? [];
  return [...seen, ...statuses].join("\n");
}

/** Gives a connection exactly the pieces it is told to. */
class MemorySocket extends Duplex {
  readonly written: string[] = [];

  override _read(): void {
    // Pieces are pushed by the test.
  }

  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.written.push(chunk.toString("latin1"));
    done();
  }

  destroySoon(): void {
    this.end(() => this.destroy());
  }
}

/** Numbers from 0 to below 2^32, the same for the same seed (Marsaglia's xorshift). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

function cut(bytes: Buffer, next: () => number): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + (next() % (next() % 4 === 0 ? 40 : 4));
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

test("every split of a request in two has the same result", async () => {
  for (const request of REQUESTS) {
    const bytes = Buffer.from(request, "latin1");
    const whole = await outcome([bytes]);
    expect(whole).toContain("HTTP/1.1");
    for (let at = 1; at < bytes.length; at++) {
      expect(await outcome([bytes.subarray(0, at), bytes.subarray(at)])).toBe(whole);
    }
  }
});

test("damaged requests have the same result in any pieces, and are never read as two", async () => {
  const seed = Number(process.env.FUZZ_SEED ?? 20130319);
  const next = randomNumbers(seed);
  const until = Date.now() + Number(process.env.FUZZ_MS ?? 1500);
  for (let round = 0; Date.now() < until; round++) {
    const bytes = Buffer.from(REQUESTS[next() % REQUESTS.length] ?? "", "latin1");
    for (let n = next() % 3; n > 0; n--)
      bytes[next() % bytes.length] = "\r\n :;,\t0a\0Tx"[next() % 12]?.charCodeAt(0) ?? 0;
    const whole = await outcome([bytes]);
    const split = await outcome(cut(bytes, next));
    if (split !== whole)
      throw new Error(`seed ${seed}, round ${round}: ${JSON.stringify(bytes.toString("latin1"))}`);
    expect(whole.match(/^[A-Z]+ \//gm)?.length ?? 0).toBeLessThanOrEqual(2);
  }
});
