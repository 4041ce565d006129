/** Maps on this kernel, in a network namespace of the test's own, as nft(8) shows them. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  changeMaps,
  destinationData,
  destinationKey,
  dnatBy,
  inNetworkNamespace,
  jump,
  leave,
  type MapElement,
  makeNetworkNamespace,
  type NftMap,
  redirectBy,
  replaceTable,
  toLoopback,
  toThisHost,
} from "./mod.ts";

const port = (number: number) => Uint8Array.of(number >> 8, number & 0xff);
const TCP = { first: Uint8Array.of(6) };
const EVERY_ADDRESS = { first: new Uint8Array(4), last: new Uint8Array(4).fill(255) };
const CONTAINER = Uint8Array.of(172, 17, 0, 2);

const ranges = (elements: MapElement[] = []): NftMap => ({
  name: "ranges",
  key: destinationKey(4, { address: true }),
  data: destinationData(4, { port: false }),
  intervals: true,
  elements,
});
const range = (first: number, last: number): MapElement => ({
  key: [EVERY_ADDRESS, TCP, { first: port(first), last: port(last) }],
  data: [CONTAINER],
});
const singles = (elements: MapElement[] = []): NftMap => ({
  name: "singles",
  key: destinationKey(4, { address: false }),
  data: destinationData(4, { port: true }),
  intervals: false,
  elements,
});
const single = (from: number, to: number): MapElement => ({
  key: [TCP, { first: port(from) }],
  data: [CONTAINER, port(to)],
});

let namespace: ReturnType<typeof makeNetworkNamespace>;
beforeAll(() => {
  namespace = makeNetworkNamespace();
});
afterAll(() => namespace[Symbol.dispose]());

const inside = <T>(work: () => T) => inNetworkNamespace(namespace.fd, work);
const listed = () =>
  inside(() =>
    Bun.spawnSync(["nft", "list", "table", "inet", "t"]).stdout.toString().replaceAll(/\s+/g, " "),
  );
const put = (maps: NftMap[]) => inside(() => replaceTable({ name: "t", maps, chains: [] }));

describe("a map", () => {
  test("has its elements from the moment the table is in place, a range of ports as one", () => {
    put([ranges([range(8000, 8999)]), singles([single(80, 8080)])]);
    const text = listed();
    expect(text).toContain("elements = { 0.0.0.0/0 . tcp . 8000-8999 : 172.17.0.2 }");
    expect(text).toContain("elements = { tcp . 80 : 172.17.0.2 . 8080 }");
  });

  test("changes in one transaction, or stays as it was", () => {
    put([ranges([range(1, 9)]), singles()]);
    inside(() =>
      changeMaps(
        "t",
        [
          { map: ranges(), remove: [range(1, 9)], add: [range(20, 29)] },
          { map: singles(), add: [single(443, 8443)] },
        ],
        "change",
      ),
    );
    expect(listed()).toContain("{ 0.0.0.0/0 . tcp . 20-29 : 172.17.0.2 }");
    const overlapping = () =>
      changeMaps(
        "t",
        [
          { map: singles(), add: [single(444, 8444)] },
          { map: ranges(), add: [range(25, 35)] },
        ],
        "publish",
      );
    expect(() => inside(overlapping)).toThrow("publish: E");
    expect(listed()).not.toContain("8444");
    expect(() =>
      inside(() => changeMaps("t", [{ map: singles(), remove: [single(1, 1)] }], "take away")),
    ).toThrow("take away: ENOENT");
  });

  test("takes thousands of elements at once", () => {
    const many = Array.from({ length: 5000 }, (_, at) => single(10_000 + at, at));
    put([singles(many)]);
    expect(listed().match(/tcp \. /g)?.length).toBe(5000);
    inside(() => changeMaps("t", [{ map: singles(), remove: many }], "take away"));
    expect(listed()).not.toContain("elements");
  });
});

test("rules look maps up by the words of nft", () => {
  const forward: NftMap = {
    name: "forward",
    key: destinationKey(6, { address: true }),
    data: ["inet_service"],
    intervals: true,
    elements: [
      {
        key: [{ first: new Uint8Array(16), last: new Uint8Array(16).fill(255) }, TCP, { first: port(80) }],
        data: [port(8080)],
      },
    ],
  };
  const rules = [
    [dnatBy(4, "singles", { address: false, port: true })],
    [dnatBy(4, "ranges", { address: true, port: false })],
    [redirectBy(6, "forward", { address: true })],
  ];
  const first = { name: "first", type: "nat", hook: "prerouting", priority: -100 } as const;
  const chains = [
    { name: "published", rules },
    {
      ...first,
      rules: [
        [toLoopback, leave],
        [toThisHost, jump("published")],
      ],
    },
  ];
  inside(() => replaceTable({ name: "t", maps: [ranges(), singles(), forward], chains }));
  const text = listed();
  expect(text).toContain("elements = { ::/0 . tcp . 80 : 8080 }");
  expect(text).toContain("dnat ip to meta l4proto . th dport map @singles");
  expect(text).toContain("dnat ip to ip daddr . meta l4proto . th dport map @ranges");
  expect(text).toContain("redirect to :ip6 daddr . meta l4proto . th dport map @forward");
  expect(text).toContain("ip daddr 127.0.0.0/8 return fib daddr type local jump published");
});
