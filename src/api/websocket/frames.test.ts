import { describe, expect, test } from "bun:test";
import { closeFrame, dataFrame, FrameError, FrameReader, pongFrame, type Said } from "./frames.ts";

const FIN = 0x80;

/** A client's frame: masked, whatever else is wrong with it. */
function frame(first: number, payload: string | Uint8Array = "", mask = [1, 2, 3, 4]): Buffer {
  const data = Buffer.from(payload);
  const length =
    data.length < 126 ? [0x80 | data.length] : [0x80 | 126, data.length >> 8, data.length & 0xff];
  return Buffer.from([first, ...length, ...mask, ...data.map((byte, at) => byte ^ (mask[at % 4] ?? 0))]);
}

/** A piece may end within a character. */
const text = (data: Uint8Array) => Buffer.from(data).toString("latin1");

/** What is told of bytes that come in pieces of a size; data that follows each other is one. */
function said(bytes: Uint8Array, size = bytes.length): string[] {
  const reader = new FrameReader();
  const all: string[] = [];
  const note = (one: Said) => {
    if (one.type === "close") all.push(`close ${one.code}`);
    else if (one.type === "data" && all.at(-1)?.startsWith("data")) all.push(`${all.pop()}${text(one.data)}`);
    else all.push(`${one.type} ${text(one.data)}`);
  };
  for (let at = 0; at < bytes.length; at += size) {
    for (const one of reader.read(bytes.subarray(at, at + size))) note(one);
  }
  return all;
}

function refusal(...frames: Uint8Array[]): number {
  try {
    said(Buffer.concat(frames));
  } catch (error) {
    if (error instanceof FrameError) return error.code;
  }
  return 0;
}

describe("a client's frames", () => {
  const long = "x".repeat(300);
  const bytes = Buffer.concat([
    frame(FIN | 1, "héllo"),
    frame(2, "a"),
    frame(FIN | 9, "are you there"),
    frame(0, ""),
    frame(FIN | 0, long),
    frame(FIN | 10, "unasked"),
    frame(FIN | 8, Uint8Array.of(3, 232, 66)),
  ]);
  test.each([bytes.length, 1, 2, 3, 7, 64])("are the same in pieces of %d bytes", (size) => {
    expect(said(bytes, size)).toEqual([
      "data h\xc3\xa9lloa",
      "ping are you there",
      `data ${long}`,
      "close 1000",
    ]);
  });

  test("end with a close frame that may be empty", () => {
    expect(said(frame(FIN | 8))).toEqual(["close 1005"]);
  });

  test("that are longer than memory are passed on as they come", () => {
    const head = Buffer.from([FIN | 2, 0xff, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect(said(Buffer.concat([head, Buffer.from("part")]))).toEqual(["data part"]);
  });
});

describe("frames that break the protocol are refused:", () => {
  test.each<[string, Uint8Array[]]>([
    ["not masked", [Buffer.from([FIN | 2, 1, 65])]],
    ["an extension's bit", [frame(FIN | 0x40 | 2, "a")]],
    ["an opcode there is none of", [frame(FIN | 3, "a")]],
    ["a control opcode there is none of", [frame(FIN | 11, "a")]],
    ["a continuation of nothing", [frame(FIN | 0, "a")]],
    ["a message within a message", [frame(2, "a"), frame(FIN | 2, "b")]],
    ["a control frame in parts", [frame(9, "a")]],
    ["a control frame that is long", [frame(FIN | 9, "a".repeat(126))]],
    ["a length that there is none of", [Buffer.from([FIN | 2, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])]],
    ["half a status", [frame(FIN | 8, "a")]],
    ["a status that is not to be sent", [frame(FIN | 8, Uint8Array.of(3, 237))]],
  ])("%s", (_, frames) => expect(refusal(...frames)).toBe(1002));

  test("text that is not UTF-8, over frames too", () => {
    expect(refusal(frame(FIN | 1, Uint8Array.of(0xff)))).toBe(1007);
    expect(refusal(frame(FIN | 1, Uint8Array.of(0xc3)))).toBe(1007);
    expect(refusal(frame(1, Uint8Array.of(0xc3)), frame(FIN | 0, Uint8Array.of(0xa9)))).toBe(0);
  });
});

test("a server's frames are short, medium or long, and not masked", () => {
  expect([...dataFrame(Buffer.from("hi"), "binary")]).toEqual([FIN | 2, 2, 104, 105]);
  expect([...dataFrame(Buffer.alloc(300), "text").subarray(0, 4)]).toEqual([FIN | 1, 126, 1, 44]);
  expect([...dataFrame(Buffer.alloc(65_536), "binary").subarray(0, 10)]).toEqual([
    ...[FIN | 2, 127, 0, 0, 0, 0, 0, 1, 0, 0],
  ]);
  expect([...pongFrame(Buffer.from("x"))]).toEqual([FIN | 10, 1, 120]);
  expect([...closeFrame(1002)]).toEqual([FIN | 8, 2, 3, 234]);
  expect([...closeFrame(1005)]).toEqual([FIN | 8, 0]);
});
