/** Messages against recorded bytes, and against this kernel in a network namespace of the test's own. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Step } from "../../spec/receipt.ts";
import { recording } from "../receipt.ts";
import { listAddresses, parseLink } from "./dumps.ts";
import {
  addAddress,
  addDefaultRoute,
  addLink,
  addVeth,
  deleteLink,
  findLink,
  inNetworkNamespace,
  keepNetworkNamespace,
  learn,
  letGoOfNetworkNamespace,
  listLinks,
  listNeighbours,
  listRoutes,
  makeNetworkNamespace,
  openNetworkNamespace,
  readSysctl,
  setLink,
  writeSysctl,
} from "./mod.ts";
import { encodeMessage, NLM_F, splitMessages } from "./netlink.ts";
import { accept, iifname } from "./nft_rule.ts";
import { creation, isWhole, removeTable, replaceTable } from "./nftables.ts";

const hex = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString("hex");

describe("recorded bytes", () => {
  test("a rule is what nft itself sends for it", () => {
    const chain = { name: "c", type: "filter", hook: "forward", priority: 0 } as const;
    const messages = creation({ name: "t", chains: [{ ...chain, rules: [[iifname("br0"), accept]] }] });
    const rule = messages.at(-1);
    if (rule === undefined) throw new Error("no message");
    // nft add rule inet t c iifname br0 accept, of nftables 1.0.6, as strace shows it.
    const recorded = `b4000000060a010c0100000000000000 0100000006000100740000000600020063000000
      90000480 24000180 09000100 6d65746100000000 14000280 0800020000000006 0800010000000001
      38000180 08000100 636d7000 2c000280 0800010000000001 0800020000000000
      18000380 14000100 62723000000000000000000000000000
      30000180 0e000100 696d6d6564696174650000001c000280 0800010000000000 10000280 0c000280 0800010000000001`;
    expect(hex(encodeMessage(rule, 1))).toBe(recorded.replaceAll(/\s/g, ""));
  });

  test("a message has its header, and its attributes behind a padded structure", () => {
    const message = { type: 20, flags: NLM_F.CREATE, header: Uint8Array.of(2, 16, 0, 0, 2), attributes: [] };
    expect(hex(encodeMessage(message, 7))).toBe(
      "1800000014000104070000000000000002100000020000 00".replace(" ", ""),
    );
  });

  test("a link is read from the kernel's answer, and a torn answer ends the list", () => {
    const answer = Buffer.from(
      "000001000500000043100100000000000b0003006661746800000000080004007805000008000a00020000000a000100024200000001",
      "hex",
    );
    expect(parseLink({ body: answer })).toEqual({
      index: 5,
      name: "fath",
      up: true,
      mtu: 1400,
      mac: "02:42:00:00:00:01",
      master: 2,
      kind: "",
    });
    const message = encodeMessage({ type: 16, header: answer }, 1);
    expect(splitMessages(Buffer.concat([message, message.subarray(0, 20)])).length).toBe(1);
  });
});

describe("on this kernel", () => {
  let directory: string;
  let outside: ReturnType<typeof makeNetworkNamespace>;
  beforeAll(async () => {
    directory = await mkdtemp("/tmp/fathom-test-netlink-");
    outside = makeNetworkNamespace();
  });
  afterAll(async () => {
    outside[Symbol.dispose]();
    await rm(directory, { recursive: true });
  });

  test("a bridge, a pair into another namespace, addresses and a route join the two", () => {
    using inside = makeNetworkNamespace();
    expect(addLink(outside.route, "bridge", { name: "br0", up: true, mac: "02:42:0a:00:00:01" })).toBe(true);
    expect(addLink(outside.route, "bridge", { name: "br0" })).toBe(false);
    const bridge = findLink(outside.route, "br0");
    if (bridge === undefined) throw new Error("the bridge is not there");
    expect(bridge).toMatchObject({ kind: "bridge", mac: "02:42:0a:00:00:01", up: true });
    addAddress(outside.route, bridge, { address: "10.0.0.1", prefix: 24 });
    addVeth(
      outside.route,
      { name: "pair", up: true, master: bridge.index, mtu: 1300 },
      { name: "eth0", namespace: inside.fd, mtu: 1300, mac: "02:42:0a:00:00:02" },
    );
    const own = findLink(inside.route, "eth0");
    if (own === undefined) throw new Error("the other end is not there");
    addAddress(inside.route, own, { address: "10.0.0.2", prefix: 24 });
    setLink(inside.route, own, { up: true });
    addDefaultRoute(inside.route, own, { family: 4, gateway: "10.0.0.1" });
    expect(listRoutes(inside.route)).toContainEqual({
      destination: "0.0.0.0",
      prefix: 0,
      gateway: "10.0.0.1",
      link: own.index,
      table: 254,
    });
    expect(listAddresses(inside.route)).toContainEqual({ index: own.index, address: "10.0.0.2", prefix: 24 });
    const port = findLink(outside.route, "pair");
    expect(port).toMatchObject({ master: bridge.index, mtu: 1300, kind: "veth" });
    if (port !== undefined) learn(outside.route, port, "02:42:0a:00:00:02");
    expect(deleteLink(outside.route, "pair")).toBe(true);
    expect(deleteLink(outside.route, "pair")).toBe(false);
    expect(findLink(inside.route, "eth0")).toBeUndefined();
    expect(listNeighbours(outside.route)).toBeInstanceOf(Array);
  });

  test("a namespace that is kept outlives its descriptor, and is gone when let go of", () => {
    const path = join(directory, "kept");
    const made = makeNetworkNamespace({ "net/ipv4/ip_forward": "1" });
    keepNetworkNamespace(made, path);
    addLink(made.route, "bridge", { name: "mark" });
    made[Symbol.dispose]();
    using again = openNetworkNamespace(path);
    expect(again && listLinks(again.route).map(({ name }) => name)).toContain("mark");
    expect(again && inNetworkNamespace(again.fd, () => readSysctl("net/ipv4/ip_forward"))).toBe("1");
    letGoOfNetworkNamespace(path);
    letGoOfNetworkNamespace(path);
    expect(openNetworkNamespace(path)).toBeUndefined();
  });

  test("a parameter that this kernel lacks is not set, and that is told", () => {
    inNetworkNamespace(outside.fd, () => {
      expect(writeSysctl("net/ipv4/no_such_parameter", "1")).toBe(false);
      expect(writeSysctl("net/ipv4/ip_forward", "1")).toBe(true);
    });
  });

  test("a failure names what failed, and every message is a step that shows how to see its effect", () => {
    const steps: Step[] = [];
    const sink = (step: () => Step) => void steps.push(step());
    const fail = () =>
      addDefaultRoute(outside.route, { index: 1, name: "lo" }, { family: 4, gateway: "10.9.9.9" });
    expect(() => recording("daemon", sink, fail)).toThrow(/^send everything else to 10.9.9.9: E/);
    expect(steps).toMatchObject([{ call: "sendto", by: "daemon", see: "nsenter -t PID -n ip route" }]);
    expect(steps[0]?.result).toBeLessThan(0);
  });

  test("a table is put in place whole, replaced, and taken away; a chain that drops is found", () => {
    inNetworkNamespace(outside.fd, () => {
      const chain = { name: "forward", type: "filter", hook: "forward", priority: 0 } as const;
      const table = { name: "fathom-t", chains: [{ ...chain, rules: [[iifname("br0"), accept]] }] };
      replaceTable(table);
      replaceTable(table);
      const listed = () => Bun.spawnSync(["nft", "list", "ruleset"]).stdout.toString();
      expect(listed().match(/iifname "br0" accept/g)).toHaveLength(1);
      expect(isWhole(table)).toBe(true);
      expect(isWhole({ ...table, name: "fathom-u" })).toBe(false);
      removeTable("fathom-t");
      removeTable("fathom-t");
      expect(listed()).not.toContain("fathom-t");
    });
  });
});
