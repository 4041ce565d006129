import { expect, test } from "bun:test";
import { slots } from "./slots.ts";

test("no more work runs at a time than there are slots, and all of it in its order", async () => {
  const room = slots(2);
  const order: number[] = [];
  let running = 0;
  let most = 0;
  const work = (n: number) => async () => {
    running += 1;
    most = Math.max(most, running);
    order.push(n);
    await Bun.sleep(1);
    running -= 1;
  };
  await Promise.all([0, 1, 2, 3, 4].map((n) => room.run(work(n))));
  expect(most).toBe(2);
  expect(order).toEqual([0, 1, 2, 3, 4]);
});

test("work that fails makes room, and only those who wait are told so", async () => {
  const room = slots(1);
  const told: string[] = [];
  const first = room.run(
    () => Promise.reject(new Error("failed")),
    () => told.push("first"),
  );
  const second = room.run(
    async () => "done",
    () => told.push("second"),
  );
  expect(first).rejects.toThrow("failed");
  expect(await second).toBe("done");
  expect(told).toEqual(["second"]);
});
