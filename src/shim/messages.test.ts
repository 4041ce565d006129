import { expect, test } from "bun:test";
import { encodeMessage, LineBuffer } from "./_messages.ts";

test("messages come out whole however their bytes were cut, and the rest stays bytes", () => {
  const sent = [{ type: "hello" }, { type: "x", text: "ü€😀\n".repeat(50) }, { type: "last" }];
  const bytes = Buffer.concat([Buffer.from(sent.map(encodeMessage).join("")), Buffer.from([0, 10, 255])]);
  for (const size of [1, 2, 3, 7, 100, bytes.length]) {
    const lines = new LineBuffer();
    const seen: object[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      lines.push(bytes.subarray(at, at + size));
      for (let line = seen.length < 3 ? lines.line() : undefined; line !== undefined; ) {
        seen.push(JSON.parse(line));
        line = seen.length < 3 ? lines.line() : undefined;
      }
    }
    expect(seen).toEqual(sent);
    expect([...lines.rest()]).toEqual([0, 10, 255]);
  }
});

test("a message that never ends is refused", () => {
  const lines = new LineBuffer();
  const chunk = new Uint8Array(1024 * 1024);
  expect(() => {
    for (let count = 0; count < 20; count += 1) lines.push(chunk);
  }).toThrow("too long");
});
