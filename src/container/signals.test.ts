import { expect, test } from "bun:test";
import { parseSignal } from "./signals.ts";

test.each([
  ["TERM", 15],
  ["SIGTERM", 15],
  ["sigusr1", 10],
  ["9", 9],
  ["RTMIN", 34],
  ["RTMIN+3", 37],
  ["SIGRTMAX-1", 63],
  ["64", 64],
])("%s is a signal", (text, number) => expect(parseSignal(text)).toBe(number));

test.each(["", "FOO", "0", "65", "-1", "RTMIN-1", "RTMAX+1", "RTMIN+31", "1.5", "SIG"])(
  "%j is none",
  (text) => {
    expect(() => parseSignal(text)).toThrow(`Invalid signal: ${text}`);
  },
);
