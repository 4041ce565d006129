import { expect, test } from "bun:test";
import { FathomError, kindOf, messageOf } from "./errors.ts";

test("of a failure whose undo failed too, the first one is told", () => {
  const work = () => {
    using stack = new DisposableStack();
    for (const undo of ["inner", "outer"])
      stack.defer(() => {
        throw new Error(undo);
      });
    throw new FathomError("unsupported", "no control groups");
  };
  let thrown: unknown;
  try {
    work();
  } catch (error) {
    thrown = error;
  }
  expect(messageOf(thrown)).toBe("no control groups");
  expect(kindOf(thrown)).toBe("unsupported");
});

test("whatever is thrown has a message and a kind", () => {
  expect([messageOf("text"), kindOf("text")]).toEqual(["text", "internal"]);
  expect([messageOf(new Error("plain")), kindOf(new Error("plain"))]).toEqual(["plain", "internal"]);
});
