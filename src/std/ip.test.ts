import { describe, expect, test } from "bun:test";
import {
  holds,
  ipBytes,
  ipOfBytes,
  ipText,
  lastOf,
  overlapping,
  parseIp,
  parseSubnet,
  subnetText,
} from "./ip.ts";

describe("an address", () => {
  test.each([
    ["172.17.0.2", "172.17.0.2"],
    ["::", "::"],
    ["::1", "::1"],
    ["fd00:0:0:1::", "fd00:0:0:1::"],
    ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["1:0:0:0:2:0:0:0", "1::2:0:0:0"],
    ["0:1:0:0:0:1:0:0", "0:1::1:0:0"],
    ["10:0:0:1::", "10:0:0:1::"],
    ["::ffff:192.0.2.1", "::ffff:c000:201"],
  ])("%s is written %s", (text, written) => {
    expect(ipText(parseIp(text))).toBe(written);
  });

  test.each([
    "",
    "1.2.3",
    "1.2.3.256",
    "01.2.3.4",
    "::1::",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8::",
    "g::",
    ":1",
  ])("is not %p", (text) => {
    expect(() => parseIp(text)).toThrow("invalid IP address");
  });
});

test("an address is its bytes in network order, and back", () => {
  for (const text of ["172.17.0.2", "fd00::1:2"])
    expect(ipText(ipOfBytes(ipBytes(parseIp(text))))).toBe(text);
  expect([...ipBytes(parseIp("1.2.3.4"))]).toEqual([1, 2, 3, 4]);
});

describe("a subnet", () => {
  test("has its first address as its base, and knows its own", () => {
    const subnet = parseSubnet("fd12:3456::5/64");
    expect(subnetText(subnet)).toBe("fd12:3456::/64");
    expect(ipText({ family: 6, value: lastOf(subnet) })).toBe("fd12:3456::ffff:ffff:ffff:ffff");
    expect(holds(subnet, parseIp("fd12:3456::ffff"))).toBe(true);
    expect(holds(subnet, parseIp("fd12:3456:0:1::"))).toBe(false);
    expect(holds(parseSubnet("0.0.0.0/0"), parseIp("::1"))).toBe(false);
  });

  test.each([
    ["10.0.0.0/8", "10.2.0.0/16", true],
    ["10.0.0.0/16", "10.1.0.0/16", false],
    ["fd00::/8", "fd00::/64", true],
    ["0.0.0.0/0", "::/0", false],
  ])("%s and %s overlap: %p", (a, b, expected) => {
    expect(overlapping(parseSubnet(a), parseSubnet(b))).toBe(expected);
    expect(overlapping(parseSubnet(b), parseSubnet(a))).toBe(expected);
  });

  test.each(["10.0.0.0", "10.0.0.0/33", "fd00::/129", "a/8", "10.0.0.0/"])("is not %p", (text) => {
    expect(() => parseSubnet(text)).toThrow("invalid CIDR address");
  });
});
