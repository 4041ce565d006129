import { expect, test } from "bun:test";
import { mutex } from "./mutex.ts";

test("work runs in order, one at a time, and a failure does not hold up the next", async () => {
  const exclusive = mutex();
  const seen: string[] = [];
  const work = (name: string, fail: boolean) => async () => {
    seen.push(`${name} begins`);
    await Bun.sleep(2);
    seen.push(`${name} ends`);
    if (fail) throw new Error(name);
    return name;
  };
  const results = await Promise.allSettled([
    exclusive(work("a", false)),
    exclusive(work("b", true)),
    exclusive(work("c", false)),
  ]);
  expect(seen).toEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
});
