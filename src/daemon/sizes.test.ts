import { expect, test } from "bun:test";
import { sizes } from "./sizes.ts";

const slow = (size: number, milliseconds: number) => async () => {
  await Bun.sleep(milliseconds);
  return size;
};

test("a walk that takes a moment is waited for, and gives what is so now", async () => {
  const known = sizes<number>(1000);
  expect(await known.of("a", slow(1, 0))).toBe(1);
  expect(await known.of("a", slow(2, 5))).toBe(2);
  expect(await known.of("b", slow(3, 0))).toBe(3);
});

test("one that takes long is waited for once; then its last result is given, and the new one to whoever asks next", async () => {
  const known = sizes<number>(20);
  expect(await known.of("a", slow(1, 60))).toBe(1);
  expect(await known.of("a", slow(2, 200))).toBe(1);
  // The walk that was begun before goes on, and none beside it.
  const never = () => Promise.reject(new Error("there is a walk already"));
  expect(await known.of("a", never)).toBe(1);
  await Bun.sleep(250);
  expect(await known.of("a", slow(3, 200))).toBe(2);
});

test("a walk that fails says so, and the next begins anew", async () => {
  const known = sizes<number>();
  await expect(known.of("a", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(await known.of("a", slow(1, 0))).toBe(1);
});
