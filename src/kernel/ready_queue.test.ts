import { afterEach, beforeEach, expect, test } from "bun:test";
import { noneLeft, openDescriptors } from "./_test_support.ts";
import { closeFd } from "./file.ts";
import { O } from "./flags.ts";
import { pipe } from "./ready.ts";
import { ReadyQueue } from "./ready_queue.ts";
import { sys } from "./syscall.ts";

let before: string[];
beforeEach(() => {
  before = openDescriptors();
});
afterEach(() => noneLeft(before));

const write = (fd: number, text: string) => sys("write", fd, text, text.length);
const read = (fd: number) => sys("read", fd, new Uint8Array(64), 64);

test("members are told in the order in which they became ready", async () => {
  const [one, two] = [pipe(O.NONBLOCK), pipe(O.NONBLOCK)];
  const queue = new ReadyQueue();
  const told: string[] = [];
  for (const { read: fd } of [one, two]) queue.add(fd);
  for (let round = 0; round < 50; round += 1) {
    const order = round % 2 === 0 ? [one, two] : [two, one];
    const waits = [one, two].map(async ({ read: fd }) => {
      await queue.readable(fd);
      told.push(fd === one.read ? "one" : "two");
      read(fd);
    });
    for (const { write: fd } of order) write(fd, "x");
    await Promise.all(waits);
    expect(told.splice(0)).toEqual(round % 2 === 0 ? ["one", "two"] : ["two", "one"]);
  }
  queue[Symbol.dispose]();
  for (const { read: fd, write: other } of [one, two]) {
    closeFd(fd);
    closeFd(other);
  }
});

test("what became ready before anybody waited is told at once", async () => {
  const { read: fd, write: other } = pipe(O.NONBLOCK);
  const queue = new ReadyQueue();
  queue.add(fd);
  write(other, "x");
  await queue.readable(fd);
  expect(read(fd)).toBe(1);
  closeFd(other);
  await queue.readable(fd);
  expect(read(fd)).toBe(0);
  closeFd(fd);
  queue[Symbol.dispose]();
});

test("one that is disposed of while somebody waits leaves no descriptor", async () => {
  const { read: fd, write: other } = pipe(O.NONBLOCK);
  const queue = new ReadyQueue();
  queue.add(fd);
  void queue.readable(fd);
  await Bun.sleep(5);
  closeFd(fd);
  closeFd(other);
  queue[Symbol.dispose]();
  await Bun.sleep(5);
});
