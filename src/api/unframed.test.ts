import { expect, test } from "bun:test";
import { Duplex } from "node:stream";
import { frame } from "../std/stdcopy.ts";
import { withoutFrames } from "./_unframed.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** A framed stream that gives these chunks, and what was written to it. */
function framedStream(chunks: Uint8Array[], end = true) {
  const written: string[] = [];
  const stream = new Duplex({
    read() {
      for (const chunk of chunks.splice(0)) this.push(chunk);
      if (end) this.push(null);
    },
    write(chunk, _encoding, done) {
      written.push(String(chunk));
      done();
    },
    final(done) {
      written.push("<end>");
      done();
    },
  });
  return { stream, written };
}

test("output comes without frames, however its chunks fall", async () => {
  const whole = Buffer.concat([frame("stdout", bytes("hello ")), frame("stderr", bytes("world\n"))]);
  const chunks = [whole.subarray(0, 3), whole.subarray(3, 12), whole.subarray(12, 18), whole.subarray(18)];
  const { stream } = framedStream(chunks);
  let text = "";
  for await (const chunk of withoutFrames(stream)) text += chunk;
  expect(text).toBe("hello world\n");
});

test("a megabyte passes whole", async () => {
  const payload = new Uint8Array(1 << 20).fill(0x61);
  const { stream } = framedStream([frame("stdout", payload)]);
  let length = 0;
  for await (const chunk of withoutFrames(stream)) length += chunk.length;
  expect(length).toBe(payload.length);
});

test("input passes as it is, and its end ends the other's", async () => {
  const { stream, written } = framedStream([], false);
  const plain = withoutFrames(stream);
  plain.write("one");
  await new Promise<void>((resolve) => plain.end("two", () => resolve()));
  expect(written).toEqual(["one", "two", "<end>"]);
  plain.destroy();
});

test("what is no frame ends the stream with an error", async () => {
  const { stream } = framedStream([bytes("no frame at all")]);
  const plain = withoutFrames(stream);
  const error = new Promise((resolve) => plain.on("error", resolve));
  plain.resume();
  expect(String(await error)).toContain("not multiplexed");
  expect(stream.destroyed).toBe(true);
});
