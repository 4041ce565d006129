import { expect, test } from "bun:test";
import { channel } from "./channel.ts";

const bounds = { most: 2, mayDrop: (n: number) => n % 2 === 0 };

test("everything that is sent comes out in order, and then the failure", async () => {
  const seen: number[] = [];
  const read = async () => {
    const values = channel<number>(async (send) => {
      for (const n of [1, 3, 5]) {
        send(n);
        await Bun.sleep(1);
      }
      throw new Error("broken");
    }, bounds);
    for await (const value of values) seen.push(value);
  };
  expect(read()).rejects.toThrow("broken");
  await read().catch(() => undefined);
  expect(seen.slice(-3)).toEqual([1, 3, 5]);
});

test("what may be dropped is, once nobody reads", async () => {
  const seen: number[] = [];
  const values = channel<number>(async (send) => {
    for (const n of [1, 2, 3, 4, 5, 6]) send(n);
  }, bounds);
  for await (const value of values) seen.push(value);
  expect(seen).toEqual([1, 2, 3, 5]);
});
