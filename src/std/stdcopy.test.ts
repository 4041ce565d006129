import { describe, expect, test } from "bun:test";
import { demultiplexer, frame } from "./stdcopy.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

describe("frames", () => {
  test("a header names the stream and gives the length, big-endian", () => {
    expect([...frame("stderr", new Uint8Array(0x010203)).subarray(0, 8)]).toEqual([2, 0, 0, 0, 0, 1, 2, 3]);
  });

  test("whatever the chunks, each stream's bytes come out in order", () => {
    const whole = Buffer.concat([
      frame("stdout", bytes("out 1\n")),
      frame("stderr", bytes("error\n")),
      frame("stdout", new Uint8Array(0)),
      frame("stdout", bytes("out 2\n")),
    ]);
    for (let size = 1; size <= whole.length; size += 1) {
      const seen: Record<string, string> = {};
      const take = demultiplexer((stream, part) => {
        seen[stream] = (seen[stream] ?? "") + Buffer.from(part);
      });
      for (let at = 0; at < whole.length; at += size) take(whole.subarray(at, at + size));
      expect(seen).toEqual({ stdout: "out 1\nout 2\n", stderr: "error\n" });
    }
  });

  test("a stream that is not multiplexed is refused", () => {
    const take = demultiplexer(() => undefined);
    expect(() => take(bytes("hello, this is plain text"))).toThrow("not multiplexed");
  });
});
