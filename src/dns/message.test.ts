import { describe, expect, test } from "bun:test";
import {
  answersTo,
  encodeAnswer,
  encodeName,
  encodeRefusal,
  HEADER,
  type Query,
  RCODE,
  readQuery,
  TYPE,
  truncated,
} from "./message.ts";
import { queryFor, replyTo, shown } from "./test_support.ts";

function queryOf(bytes: Uint8Array): Query {
  const read = readQuery(bytes);
  if (read === undefined || "refuse" in read) throw new Error("this is a query");
  return read.query;
}

describe("a query", () => {
  test("is read with its name in lower case, its type and the room for its answer", () => {
    const bytes = queryFor("WWW.Example", TYPE.AAAA, { id: 0x1234, edns: 1400 });
    expect(queryOf(bytes)).toEqual({
      id: 0x1234,
      name: "www.example",
      type: TYPE.AAAA,
      internet: true,
      end: bytes.length - 11,
      room: 1400,
      edns: true,
    });
    expect(queryOf(queryFor("a"))).toMatchObject({ room: 512, edns: false });
    expect(queryOf(queryFor("a", TYPE.A, { edns: 1 })).room).toBe(512);
    expect(queryOf(queryFor("a", TYPE.A, { edns: 65_535 })).room).toBe(4096);
  });

  test("whose labels hold a dot or other bytes than ASCII names nobody", () => {
    const bytes = Buffer.from(queryFor("a_b.c"));
    bytes[14] = 46;
    expect(queryOf(bytes).name).toBe("?.c");
    expect(queryOf(queryFor("\u00e9\u0000x")).name).toBe("?");
  });

  test("is refused where it asks two questions or for another service, and passed over where it is an answer", () => {
    const two = Buffer.from(queryFor("a"));
    two[5] = 2;
    expect(readQuery(two)).toEqual({ refuse: RCODE.FORMAT });
    const update = Buffer.from(queryFor("a"));
    update[2] = 5 << 3;
    expect(readQuery(update)).toEqual({ refuse: RCODE.NOT_IMPLEMENTED });
    expect(readQuery(replyTo(Buffer.from(queryFor("a")), "1.2.3.4"))).toBeUndefined();
  });
});

describe("an answer", () => {
  const request = queryFor("Web", TYPE.A, { edns: 1232 });

  test("repeats the question as it came and says that it speaks EDNS", () => {
    const query = queryOf(request);
    const answers = [{ type: TYPE.A, data: Uint8Array.of(10, 0, 0, 1) }];
    const bytes = encodeAnswer(request, query, { answers, room: query.room });
    expect(bytes.subarray(HEADER, query.end)).toEqual(new Uint8Array(request.subarray(HEADER, query.end)));
    expect(Buffer.from(bytes).readUInt16BE(10)).toBe(1);
    expect(shown(bytes)).toEqual({ id: 7, code: 0, cut: false, records: ["10.0.0.1"] });
  });

  test("of a server counts only with the number and the question that were sent, in any case of letters", () => {
    const sent = { id: 7, end: queryOf(request).end };
    const reply = replyTo(Buffer.from(request), "10.0.0.1");
    expect(answersTo(reply, request, sent)).toBe(true);
    expect(answersTo(replyTo(Buffer.from(queryFor("wEB")), "10.0.0.1"), request, sent)).toBe(true);
    expect(answersTo(reply, request, { ...sent, id: 8 })).toBe(false);
    expect(answersTo(replyTo(Buffer.from(queryFor("weB2")), "10.0.0.1"), request, sent)).toBe(false);
    expect(answersTo(request, request, sent)).toBe(false);
    // Without any question: a refusal may be so, an answer may not.
    expect(answersTo(encodeRefusal(request, RCODE.FORMAT), request, sent)).toBe(true);
    expect(answersTo(encodeRefusal(request, RCODE.UNKNOWN_NAME), request, sent)).toBe(false);
  });

  test("that is cut has its question left, and no records", () => {
    const reply = replyTo(Buffer.from(request), "10.0.0.1");
    expect(shown(truncated(reply, queryOf(request).end))).toMatchObject({ cut: true, records: [] });
  });
});

test("a name on the wire has no label longer than 63 bytes", () => {
  expect(Buffer.from(encodeName("web.back")).toString("latin1")).toBe("\u0003web\u0004back\u0000");
  expect(encodeName("x".repeat(100))[0]).toBe(63);
});

test("whatever comes is read without failing, and what is answered is a message", () => {
  let seed = 34;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % below;
  };
  const samples = [
    queryFor("web.back"),
    queryFor("x", 255, { edns: 512 }),
    replyTo(Buffer.from(queryFor("a")), "1.2.3.4"),
  ];
  for (let round = 0; round < 20_000; round++) {
    const sample = Buffer.from(samples[random(samples.length)] ?? []);
    for (let change = random(4); change >= 0; change--) sample[random(sample.length)] = random(256);
    const bytes = round % 3 === 0 ? sample.subarray(0, random(sample.length + 1)) : sample;
    const read = readQuery(bytes);
    if (read === undefined) continue;
    if ("refuse" in read) {
      expect(encodeRefusal(bytes, read.refuse)).toHaveLength(HEADER);
      continue;
    }
    const { query } = read;
    const answers = Array.from({ length: random(60) }, () => ({ type: 1, data: new Uint8Array(4) }));
    const reply = encodeAnswer(bytes, query, { answers, room: query.room });
    if (
      query.end > bytes.length ||
      reply.length > Math.max(query.room, query.end + 11) ||
      query.name.length > 255
    )
      throw new Error(`round ${round}: ${bytes.toString("hex")}`);
    answersTo(bytes, reply, { id: query.id, end: query.end });
  }
});
