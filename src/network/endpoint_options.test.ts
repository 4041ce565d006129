import { describe, expect, test } from "bun:test";
import { askedInterface, askedSysctls } from "./endpoint_options.ts";

const named = (name: string) => ({ "com.docker.network.endpoint.ifname": name });
const set = (text: string) => ({ "com.docker.network.endpoint.sysctls": text });

describe("the name of a container's link", () => {
  test("is what was asked for, unless another has it", () => {
    expect(askedInterface(undefined, new Set())).toBe("");
    expect(askedInterface(named("wan0"), new Set(["eth0"]))).toBe("wan0");
    expect(() => askedInterface(named("eth0"), new Set(["eth0"]))).toThrow("has a link eth0 already");
    expect(() => askedInterface(named("lo"), new Set())).toThrow("has a link lo already");
  });

  test.each(["a/b", "a b", "..", "sixteen-letters-"])("is not %p", (name) => {
    expect(() => askedInterface(named(name), new Set())).toThrow("invalid interface name");
  });
});

describe("parameters of a container's link", () => {
  test("are paths below /proc/sys with its name", () => {
    expect(askedSysctls(null, "eth0")).toEqual([]);
    expect(
      askedSysctls(set("net.ipv4.conf.IFNAME.log_martians=1, net.ipv6.neigh.IFNAME.x=a b"), "w"),
    ).toEqual([
      { path: "net/ipv4/conf/w/log_martians", value: "1" },
      { path: "net/ipv6/neigh/w/x", value: "a b" },
    ]);
  });

  test.each([
    "net.ipv4.conf.eth0.log_martians=1",
    "net.ipv4.ip_forward=1",
    "kernel.conf.IFNAME.x=1",
    "net.ipv4.conf.IFNAME.../../x=1",
    "net.ipv4.conf.IFNAME.x",
    "",
  ])("are not %p", (setting) => {
    expect(() => askedSysctls(set(`${setting},`), "eth0")).toThrow("invalid setting");
  });
});
