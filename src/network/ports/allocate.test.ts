import { describe, expect, test } from "bun:test";
import { addressesTaken, allocate, type Cursor, type Host, type Taken } from "./allocate.ts";
import type { PortRange, PortWish } from "./port.ts";

const HOST: Host = {
  taken: [],
  ephemeral: { first: 32_768, last: 32_771 },
  defaultAddress: "0.0.0.0",
  bothFamilies: false,
};
const range = (first: number, last = first): PortRange => ({ first, last });
const wish = (container: PortRange, host?: PortRange, wishes: Partial<PortWish> = {}): PortWish => ({
  protocol: "tcp",
  address: "",
  container,
  ...(host && { host }),
  ...wishes,
});
const taken = (ports: PortRange, more: Partial<Taken> = {}): Taken => ({
  protocol: "tcp",
  address: "0.0.0.0",
  ports,
  holder: { container: "other" },
  ...more,
});
function given(wishes: PortWish[], host: Partial<Host> = {}, cursor: Cursor = new Map()): string[] | object {
  const found = allocate(wishes, { ...HOST, ...host }, { cursor, container: "c" });
  if (!Array.isArray(found)) return found;
  return found.map(
    ({ Protocol, HostIp, HostPort, ContainerPort, Count }) =>
      `${HostIp}:${HostPort}->${ContainerPort}/${Protocol}${Count > 1 ? ` x${Count}` : ""}`,
  );
}

describe("a port that is named", () => {
  test("is had, a whole range at once", () => {
    expect(given([wish(range(80), range(8080))])).toEqual(["0.0.0.0:8080->80/tcp"]);
    expect(given([wish(range(80, 1079), range(8000, 8999))])).toEqual(["0.0.0.0:8000->80/tcp x1000"]);
  });

  test("is refused where another container or a process has it at the same address", () => {
    const inUse = [taken(range(8085))];
    const refused = { protocol: "tcp", port: 8085, holder: { container: "other" } };
    expect(given([wish(range(80, 90), range(8080, 8090))], { taken: inUse })).toMatchObject(refused);
    expect(given([wish(range(80), range(8085), { address: "10.0.0.1" })], { taken: inUse })).toMatchObject(
      refused,
    );
    const process = [taken(range(80), { holder: { inode: 7 }, address: "10.0.0.1" })];
    expect(given([wish(range(80), range(80))], { taken: process })).toMatchObject({ holder: { inode: 7 } });
  });

  test("is free where only another address, family or protocol has it", () => {
    const inUse = [
      taken(range(80), { address: "10.0.0.1" }),
      taken(range(80), { protocol: "udp" }),
      taken(range(80), { address: "::" }),
    ];
    expect(given([wish(range(80), range(80), { address: "10.0.0.2" })], { taken: inUse })).toEqual([
      "10.0.0.2:80->80/tcp",
    ]);
  });

  test("is not given twice to one container", () => {
    expect(given([wish(range(80), range(80)), wish(range(81), range(80))])).toMatchObject({
      port: 80,
      holder: { container: "c" },
    });
  });
});

describe("a port that is not named", () => {
  test("is the next free one, and not the lowest again", () => {
    const cursor: Cursor = new Map();
    expect(given([wish(range(80))], {}, cursor)).toEqual(["0.0.0.0:32768->80/tcp"]);
    expect(given([wish(range(80))], { taken: [taken(range(32_769))] }, cursor)).toEqual([
      "0.0.0.0:32770->80/tcp",
    ]);
    expect(given([wish(range(80, 81))], {}, cursor)).toEqual([
      "0.0.0.0:32771->80/tcp",
      "0.0.0.0:32768->81/tcp",
    ]);
  });

  test("of a range is the first that is free", () => {
    const choice = wish(range(80), range(8000, 8002));
    expect(given([choice], { taken: [taken(range(8000, 8001))] })).toEqual(["0.0.0.0:8002->80/tcp"]);
    expect(given([choice], { taken: [taken(range(7000, 9000))] })).toMatchObject({ port: 8002 });
  });

  test("is refused when all are taken", () => {
    const full = given([wish(range(80))], { taken: [taken(range(32_768, 32_771))] });
    expect(full).toEqual({ protocol: "tcp", address: "0.0.0.0", port: 32_771 });
  });
});

describe("without an address", () => {
  test("a port is published at every address of both families, by one number", () => {
    const both = { bothFamilies: true };
    expect(given([wish(range(80), range(80))], both)).toEqual(["0.0.0.0:80->80/tcp", ":::80->80/tcp"]);
    const onlyV6 = [taken(range(32_768), { address: "::1" })];
    expect(given([wish(range(80))], { ...both, taken: onlyV6 })).toEqual([
      "0.0.0.0:32769->80/tcp",
      ":::32769->80/tcp",
    ]);
    expect(given([wish(range(80), range(80), { protocol: "sctp" })], both)).toEqual(["0.0.0.0:80->80/sctp"]);
  });

  test("the engine's default address counts, and has no twin", () => {
    const host = { bothFamilies: true, defaultAddress: "127.0.0.1" };
    expect(given([wish(range(80), range(80))], host)).toEqual(["127.0.0.1:80->80/tcp"]);
  });
});

test("a socket of IPv6 for every address takes IPv4's too, unless it says otherwise", () => {
  expect(addressesTaken("::", { onlyV6: false })).toEqual(["::", "0.0.0.0"]);
  expect(addressesTaken("::", { onlyV6: true })).toEqual(["::"]);
  expect(addressesTaken("::ffff:10.0.0.1", { onlyV6: false })).toEqual(["10.0.0.1"]);
});
