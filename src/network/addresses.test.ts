import { describe, expect, test } from "bun:test";
import { addressBooks } from "./addresses.ts";
import { freshNetwork, type NetworkRecord, type SandboxRecord } from "./records.ts";
import type { RecordStore } from "./store.ts";

function network(fields: Partial<NetworkRecord>): NetworkRecord {
  return { ...freshNetwork({ Name: "n", Driver: "bridge" }), ...fields };
}

function books(...sandboxes: SandboxRecord[]) {
  const store = { sandboxes: new Map(sandboxes.map((one) => [one.Container, one])) };
  return addressBooks(store as RecordStore);
}

function sandboxOn({ Id }: NetworkRecord, Address: string): SandboxRecord {
  const endpoint = { Network: Id, Address, Address6: "" };
  return { Container: Address, Endpoints: [endpoint] } as SandboxRecord;
}

const small = network({ Subnets: [{ Subnet: "10.0.0.0/29", Gateway: "10.0.0.1" }] });

describe("an address", () => {
  test("is the lowest that nobody has, and never the network's first or last, or its gateway", () => {
    const book = books(sandboxOn(small, "10.0.0.3"));
    const next = () => book.take(small, 4)?.address;
    expect([next(), next(), next(), next()]).toEqual(["10.0.0.2", "10.0.0.4", "10.0.0.5", "10.0.0.6"]);
    expect(next).toThrow("no available IPv4 addresses on this network's address pools: n (");
    book.giveBack(small, "10.0.0.4");
    expect(next()).toBe("10.0.0.4");
    expect(next).toThrow("no available IPv4 addresses");
  });

  test("comes from the part that may be given away, and is none that is kept by name", () => {
    const part = network({
      Subnets: [
        {
          Subnet: "10.0.0.0/24",
          Gateway: "10.0.0.1",
          IPRange: "10.0.0.128/30",
          AuxiliaryAddresses: { router: "10.0.0.129" },
        },
      ],
    });
    const book = books();
    const next = () => book.take(part, 4)?.address;
    expect([next(), next(), next()]).toEqual(["10.0.0.128", "10.0.0.130", "10.0.0.131"]);
    expect(next).toThrow("no available");
    expect(book.claim(part, "10.0.0.9").address).toBe("10.0.0.9");
  });

  test("that was asked for is on one container, and of the network", () => {
    const book = books();
    expect(book.claim(small, "10.0.0.2")).toEqual({ address: "10.0.0.2", prefix: 29, gateway: "10.0.0.1" });
    for (const taken of ["10.0.0.2", "10.0.0.1"])
      expect(() => book.claim(small, taken)).toThrow("Address already in use");
    expect(() => book.claim(small, "10.0.1.2")).toThrow("does not belong to any of this network's subnets");
    expect(book.take(small, 4)?.address).toBe("10.0.0.3");
    book.giveBack(small, "10.0.0.2");
    expect(book.take(small, 4)?.address).toBe("10.0.0.2");
  });

  test("of IPv6 is found the same way, where there is a subnet of it", () => {
    const dual = network({ Subnets: [...small.Subnets, { Subnet: "fd00::/64", Gateway: "fd00::1" }] });
    const book = books();
    expect(book.take(dual, 6)).toEqual({ address: "fd00::2", prefix: 64, gateway: "fd00::1" });
    expect(book.take(small, 6)).toBeUndefined();
  });
});
