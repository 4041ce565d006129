import { describe, expect, test } from "bun:test";
import { NetworkNames } from "./network_names.ts";

const endpoint = (DnsNames: string[], Address: string, Address6 = "") => ({ DnsNames, Address, Address6 });
const tableOf = (names: NetworkNames) => JSON.parse(names.table("back"));

describe("a network's table", () => {
  test("has everybody's addresses of both families by name in lower case, and their first names by address", () => {
    const names = new NetworkNames();
    names.put("db", endpoint(["DB", "store"], "10.0.0.2", "fd00::2"));
    names.put("web", endpoint(["web", "store", "Store"], "10.0.0.3"));
    expect(tableOf(names)).toEqual({
      network: "back",
      names: {
        db: ["10.0.0.2", "fd00::2"],
        store: ["10.0.0.2", "fd00::2", "10.0.0.3"],
        web: ["10.0.0.3"],
      },
      hosts: { "10.0.0.2": "DB", "fd00::2": "DB", "10.0.0.3": "web" },
    });
  });

  test("forgets who has gone, and what somebody was called before", () => {
    const names = new NetworkNames();
    names.put("a", endpoint(["one", "all"], "10.0.0.2"));
    names.put("b", endpoint(["two", "all"], "10.0.0.3"));
    names.put("b", endpoint(["three", "all"], "10.0.0.3"));
    names.drop("a");
    expect(tableOf(names)).toMatchObject({
      names: { three: ["10.0.0.3"], all: ["10.0.0.3"] },
      hosts: { "10.0.0.3": "three" },
    });
    expect(Object.keys(tableOf(names).names).sort()).toEqual(["all", "three"]);
    names.drop("b");
    expect(names.isEmpty).toBe(true);
    expect(tableOf(names)).toEqual({ network: "back", names: {}, hosts: {} });
  });

  test("holds whatever a container is called", () => {
    const names = new NetworkNames();
    names.put("odd", endpoint(['"quoted"\\', "__proto__"], "10.0.0.2"));
    expect(Object.keys(tableOf(names).names).sort()).toEqual(['"quoted"\\', "__proto__"]);
  });
});
