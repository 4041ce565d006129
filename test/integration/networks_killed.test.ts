/** The engine is killed in the midst of changes to networks: what the next one says is what there is, and nothing is left over. */

import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type Engine, startFathom } from "../harness/mod.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await startFathom({ args: ["--default-address-pool", "base=10.32.192.0/18,size=24"] });
});
afterEach(async () => {
  await engine.removeContainers();
  await engine.request("POST", "/networks/prune");
});
afterAll(() => engine[Symbol.asyncDispose]());

const fathom = (...args: string[]) => engine.output("fathom", args);
const ROUNDS = 4;
/** What one of the requests takes where nobody else is at work; the moments are spread over twice that. */
const USUAL_MS = 8;

/** Has a request under way when the engine is killed, at a moment by chance, and starts the next. */
async function killedIn(path: string, body?: unknown): Promise<void> {
  const method = body === undefined ? "DELETE" : "POST";
  const asked = engine.request(method, path, body).catch(() => undefined);
  await Bun.sleep(Math.random() * 2 * USUAL_MS);
  await engine.kill();
  await asked;
  await engine.start();
}

/** What inspect says of the container's networks, and what there is in it and on the network's bridge. */
async function expectTruth(id: string): Promise<boolean> {
  const { json } = await engine.request("GET", "/containers/one/json");
  const { Networks } = (json as { NetworkSettings: { Networks: Record<string, { IPAddress: string }> } })
    .NetworkSettings;
  const address = Networks.side?.IPAddress ?? "";
  const inside = await fathom("exec", "one", "ip", "-o", "-4", "addr");
  const ports = await readdir(`/sys/class/net/br-${id.slice(0, 12)}/brif`);
  const seen = { inside: inside.includes(" eth1 "), ports: ports.length, onNetwork: await countOn("side") };
  const isOn = address !== "";
  expect(seen).toEqual({ inside: isOn, ports: Number(isOn), onNetwork: Number(isOn) });
  if (isOn) expect(inside).toContain(` ${address}/24`);
  expect(Object.keys(Networks).includes("side")).toBe(isOn);
  return isOn;
}

async function countOn(network: string): Promise<number> {
  const { json } = await engine.request("GET", `/networks/${network}`);
  return Object.keys((json as { Containers: object }).Containers).length;
}

test("a container is connected or not, wherever its engine was killed, and can be the other", async () => {
  const id = await fathom("network", "create", "side");
  await fathom("run", "-d", "--name", "one", "busybox", "sleep", "1000");
  for (let round = 0; round < ROUNDS; round++) {
    await killedIn("/networks/side/connect", { Container: "one" });
    if (!(await expectTruth(id))) await fathom("network", "connect", "side", "one");
    expect(await expectTruth(id)).toBe(true);
    await killedIn("/networks/side/disconnect", { Container: "one" });
    if (await expectTruth(id)) await fathom("network", "disconnect", "side", "one");
    expect(await expectTruth(id)).toBe(false);
  }
}, 60_000);

test("a network that was being removed is there, whole, or gone with its bridge", async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const id = await fathom("network", "create", `going${round}`);
    const bridge = `/sys/class/net/br-${id.slice(0, 12)}`;
    await killedIn(`/networks/${id}`);
    const there = await fathom("network", "ls", "-q", "--no-trunc", "--filter", `id=${id}`);
    expect(existsSync(join(engine.dataRoot, "networks", `${id}.json`))).toBe(there === id);
    if (there === id) {
      await fathom("run", "--rm", "--network", id, "busybox", "true");
      await fathom("network", "rm", id);
    }
    expect(existsSync(bridge)).toBe(false);
  }
}, 60_000);
