import { describe, expect, test } from "bun:test";
import { type NamesInput, parseResolv, resolverWish, resolvText } from "./resolv_conf.ts";

const OF_HOST =
  "# by hand\nnameserver 127.0.0.53\nnameserver 192.0.2.1\nsearch example.org\noptions edns0 ndots:3\n";
const NOBODY = { servers: [], search: [], options: [] };

function input(asked: Partial<NamesInput["host"]> = {}, more: Partial<NamesInput> = {}): NamesInput {
  return {
    host: { Dns: [], DnsSearch: [], DnsOptions: [], ...asked },
    defaults: NOBODY,
    ofHost: { own: OF_HOST, beyondLoopback: OF_HOST },
    ...more,
  };
}

describe("the file", () => {
  test("names the host's servers but for its loopback's, where the container asks them itself", () => {
    expect(resolvText("by-servers", input())).toBe(
      "nameserver 192.0.2.1\nsearch example.org\noptions edns0 ndots:3\n",
    );
    expect(resolvText("as-host", input())).toContain("nameserver 127.0.0.53\nnameserver 192.0.2.1\n");
  });

  test("names what the host's own resolver asks, where that is known", () => {
    const ofHost = { own: "nameserver 127.0.0.53\n", beyondLoopback: "nameserver 192.0.2.9\n" };
    expect(resolvText("by-servers", input({}, { ofHost }))).toBe("nameserver 192.0.2.9\n");
    expect(resolvText("as-host", input({}, { ofHost }))).toBe("nameserver 127.0.0.53\n");
  });

  test("names our resolver on networks with names, and has it asked for every name as it is", () => {
    const plain = { own: "nameserver 192.0.2.1\nsearch a b\n", beyondLoopback: "" };
    expect(resolvText("by-resolver", input({}, { ofHost: plain }))).toBe(
      "nameserver 127.0.0.11\nsearch a b\noptions ndots:0\n",
    );
    expect(resolvText("by-resolver", input())).toContain("options edns0 ndots:3\n");
    expect(resolvText("by-resolver", input({ DnsOptions: ["timeout:1"] }))).toContain(
      "options timeout:1 ndots:0\n",
    );
  });

  test("says what the container says, else what the engine says, else what the host says", () => {
    const defaults = { servers: ["192.0.2.7"], search: ["engine"], options: ["rotate"] };
    expect(resolvText("by-servers", input({}, { defaults }))).toBe(
      "nameserver 192.0.2.7\nsearch engine\noptions rotate\n",
    );
    expect(resolvText("by-servers", input({ Dns: ["127.0.0.1"], DnsSearch: ["."] }, { defaults }))).toBe(
      "nameserver 127.0.0.1\noptions rotate\n",
    );
  });
});

describe("our resolver", () => {
  test("asks the host's servers: that on its loopback from the host, others from the container", () => {
    expect(resolverWish(input())).toEqual({
      Servers: [
        { address: "127.0.0.53", port: 53, from: "host" },
        { address: "192.0.2.1", port: 53, from: "container" },
      ],
      Ndots: true,
    });
  });

  test("asks servers that were given from the container, whatever they are", () => {
    expect(resolverWish(input({ Dns: ["127.0.0.1", "2001:db8::1"], DnsOptions: ["ndots:0"] }))).toEqual({
      Servers: [
        { address: "127.0.0.1", port: 53, from: "container" },
        { address: "2001:db8::1", port: 53, from: "container" },
      ],
      Ndots: false,
    });
  });
});

test("of a host's file the last search counts, and all options", () => {
  expect(
    parseResolv("domain a\nsearch b c\noptions x\n options y\nnameserver\n; nameserver 1.1.1.1\n"),
  ).toEqual({
    servers: [],
    search: ["b", "c"],
    options: ["x", "y"],
  });
});
