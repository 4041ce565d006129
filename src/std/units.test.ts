import { expect, test } from "bun:test";
import {
  formatBinarySize,
  formatDecimalSize,
  formatGoDuration,
  formatSpan,
  parseBinarySize,
  parseGoDuration,
} from "./units.ts";

test.each([
  [0, "0B"],
  [999, "999B"],
  [1000, "1kB"],
  [1982415, "1.982MB"],
  [12_300_000, "12.3MB"],
  [1e12, "1TB"],
])("%d bytes are %s in powers of 1000", (bytes, text) => expect(formatDecimalSize(bytes)).toBe(text));

test("images show three significant digits", () => expect(formatDecimalSize(1982415, 3)).toBe("1.98MB"));

test("the memory of a host is shown in powers of 1024", () => {
  expect(formatBinarySize(25275392000)).toBe("23.54GiB");
});

test.each([
  ["512", 512],
  ["512b", 512],
  ["1k", 1024],
  ["512m", 536870912],
  ["1.5g", 1610612736],
  ["2GB", 2147483648],
  ["1 GiB", 1073741824],
])("the size %s is %d bytes", (text, bytes) => expect(parseBinarySize(text)).toBe(bytes));

test.each(["", "abc", "-1", "1x", "1 ib", "1mm", "0x10"])("%p is not a size", (text) => {
  expect(() => parseBinarySize(text)).toThrow(`invalid size: '${text}'`);
});

test.each([
  [0.4, "Less than a second"],
  [1.9, "1 second"],
  [59, "59 seconds"],
  [60, "About a minute"],
  [119, "About a minute"],
  [120, "2 minutes"],
  [3599, "59 minutes"],
  [3600, "About an hour"],
  [2 * 3600, "2 hours"],
  [47 * 3600, "47 hours"],
  [48 * 3600, "2 days"],
  [14 * 86400, "2 weeks"],
  [60 * 86400, "2 months"],
  [730 * 86400, "2 years"],
])("%d seconds are said as %s", (seconds, text) => expect(formatSpan(seconds)).toBe(text));

test.each([
  ["0", 0],
  ["5s", 5e9],
  ["1h30m", 5400e9],
  ["1.5s", 1.5e9],
  ["-2ms", -2e6],
  ["10", undefined],
  ["x", undefined],
  ["", undefined],
])("the duration %p is %p nanoseconds", (text, value) => expect(parseGoDuration(text)).toBe(value));

test.each([
  [250, "250ms"],
  [1000, "1s"],
  [1500, "1.5s"],
  [60_000, "1m0s"],
  [90_500, "1m30.5s"],
  [3_600_000, "1h0m0s"],
])("%d milliseconds are %s in Go's notation", (milliseconds, text) =>
  expect(formatGoDuration(milliseconds)).toBe(text),
);
