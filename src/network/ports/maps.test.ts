import { describe, expect, test } from "bun:test";
import { entriesOf, type Target } from "./maps.ts";
import type { PublishedRange } from "./port.ts";

const V4: Target = { address4: "10.0.0.2", address6: "" };
const BOTH: Target = { address4: "10.0.0.2", address6: "fd00::2" };
const range = (wishes: Partial<PublishedRange> = {}): PublishedRange => ({
  Protocol: "tcp",
  HostIp: "0.0.0.0",
  HostPort: 8000,
  ContainerPort: 8000,
  Count: 1000,
  ...wishes,
});
const maps = (wishes: Partial<PublishedRange>, target: Target, forwarder = { tcp: 4000 }) =>
  entriesOf(range(wishes), target, forwarder).map(({ map }) => map);

describe("what is published by IPv4", () => {
  test("is one element where ports keep their numbers, else one for each", () => {
    expect(maps({}, V4)).toEqual(["published_range_ip"]);
    expect(maps({ ContainerPort: 80, Count: 3 }, V4)).toEqual(Array(3).fill("published_ip"));
    expect(maps({ HostIp: "10.9.9.9", Count: 1 }, V4)).toEqual(["published_at_ip"]);
  });

  test("is none where the container has no such address", () => {
    expect(maps({}, { address4: "", address6: "fd00::2" })).toEqual([]);
  });
});

describe("what is published by IPv6", () => {
  test("goes to the forwarder where the container has only IPv4, and nowhere without one", () => {
    expect(maps({ HostIp: "::" }, V4)).toEqual(["forwarded_range_ip6"]);
    expect(maps({ HostIp: "::", Count: 1 }, V4)).toEqual(["forwarded_ip6"]);
    expect(entriesOf(range({ HostIp: "::" }), V4, {})).toEqual([]);
  });

  test("goes to the container itself where that has IPv6, but from ::1", () => {
    expect(maps({ HostIp: "::" }, BOTH)).toEqual(["published_range_ip6", "forwarded_range_ip6"]);
    expect(maps({ HostIp: "fd00::1" }, BOTH)).toEqual(["published_range_ip6"]);
    expect(entriesOf(range({ HostIp: "::" }), BOTH, {}).length).toBe(1);
  });
});
