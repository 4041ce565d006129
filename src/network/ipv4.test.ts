import { describe, expect, test } from "bun:test";
import { addressText, contains, macOf, networkText, overlap, parseAddress, parseCidr } from "./ipv4.ts";

describe("an address", () => {
  test("is a number and back", () => {
    for (const text of ["0.0.0.0", "172.17.0.2", "255.255.255.255"])
      expect(addressText(parseAddress(text))).toBe(text);
    expect(parseAddress("172.17.0.2")).toBe(0xac11_0002);
  });

  test.each(["", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.04", "1.2.3.x", "1.2.3.-1", "::1"])(
    "is not %p",
    (text) => {
      expect(() => parseAddress(text)).toThrow("not an IPv4 address");
    },
  );

  test("is in every MAC address that follows from it", () => {
    expect(macOf(parseAddress("172.17.0.2"))).toBe("02:42:ac:11:00:02");
  });
});

describe("a network", () => {
  test("begins where its prefix says", () => {
    expect(networkText(parseCidr("172.17.42.1/16"))).toBe("172.17.0.0/16");
    expect(networkText(parseCidr("255.255.255.255/0"))).toBe("0.0.0.0/0");
    expect(parseCidr("10.0.0.7/32").base).toBe(parseAddress("10.0.0.7"));
    expect(() => parseCidr("10.0.0.0/33")).toThrow("not an IPv4 network");
    expect(() => parseCidr("10.0.0.0")).toThrow("not an IPv4 network");
  });

  test("contains its own addresses, and overlaps what shares one with it", () => {
    const network = parseCidr("10.1.0.0/16");
    expect(contains(network, parseAddress("10.1.255.255"))).toBe(true);
    expect(contains(network, parseAddress("10.2.0.0"))).toBe(false);
    expect(overlap(network, parseCidr("10.0.0.0/8"))).toBe(true);
    expect(overlap(parseCidr("10.0.0.0/8"), network)).toBe(true);
    expect(overlap(network, parseCidr("10.2.0.0/16"))).toBe(false);
  });
});
