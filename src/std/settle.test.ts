import { expect, test } from "bun:test";
import { settleAll } from "./settle.ts";

test("a failure is told once all work has settled", async () => {
  let finished = false;
  const slow = Bun.sleep(5).then(() => {
    finished = true;
  });
  const failure = new Error("first");
  expect(await settleAll([Promise.reject(failure), slow]).catch((error) => error)).toBe(failure);
  expect(finished).toBe(true);
});

test("the results stand in the order of the work", async () => {
  expect(await settleAll([Bun.sleep(2).then(() => "a"), Promise.resolve(1)])).toEqual(["a", 1]);
});
