import { expect, test } from "bun:test";
import { parseNetworkRate } from "./network_rate.ts";

test("a rate is bits or bytes a second, for both ways or each", () => {
  expect(parseNetworkRate("8mbit")).toEqual({ down: 1_000_000, up: 1_000_000 });
  expect(parseNetworkRate("1.5MB/s")).toEqual({ down: 1_500_000, up: 1_500_000 });
  expect(parseNetworkRate("down=1gbit,up=64kbit")).toEqual({ down: 125_000_000, up: 8000 });
  expect(parseNetworkRate("down=8KB,up=0")).toEqual({ down: 8000 });
  expect(parseNetworkRate("0")).toEqual({});
});

test.each([
  "10",
  "fast",
  "1bit",
  "up",
  "left=1mbit",
  "down=1mbit;up=1mbit",
  "-1mbit",
  "1e9mbit",
  "9999999gbit",
])("%p is none", (text) => {
  expect(() => parseNetworkRate(text)).toThrow("invalid network rate");
});
