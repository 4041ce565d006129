/** The filters of the list of containers and of the events, as Docker means them; over the API, where nothing is between. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { busyboxArchive, type Engine, eventually, startEngine } from "../harness/mod.ts";
import { ON_DOCKER } from "./client.ts";

let engine: Engine;
const ids: Record<string, string> = {};

const SLEEP = { Image: "busybox", Cmd: ["sleep", "1000"] };
const NONE = { NetworkMode: "none" };

/** In the order in which they are made. */
const CONTAINERS: Record<string, object> = {
  first: { ...SLEEP, Labels: { kind: "a", empty: "" }, HostConfig: { ...NONE, Binds: ["shelf:/shelf"] } },
  second: { ...SLEEP, Labels: { kind: "b" }, ExposedPorts: { "80/tcp": {}, "53/udp": {} } },
  third: { Image: "busybox", Cmd: ["sh", "-c", "exit 3"], HostConfig: NONE },
  fourth: { Image: "other", Cmd: ["true"], HostConfig: { NetworkMode: "host" } },
  fifth: {
    ...SLEEP,
    Healthcheck: { Test: ["CMD", "true"], Interval: 50_000_000 },
    HostConfig: NONE,
  },
};

beforeAll(async () => {
  engine = await startEngine({ bridged: true });
  await engine.output("docker", ["tag", "busybox", "again:1"]);
  const input = await busyboxArchive();
  await engine.output("docker", ["import", "-c", "LABEL x=y", "-", "other"], { input });
  for (const [name, body] of Object.entries(CONTAINERS)) {
    const { json } = await engine.request("POST", `/containers/create?name=${name}`, body);
    ids[name] = (json as { Id: string }).Id;
  }
  for (const name of ["first", "second", "third", "fifth"])
    await engine.request("POST", `/containers/${name}/start`);
  await engine.request("POST", "/containers/third/wait");
  await engine.request("POST", "/containers/second/pause");
  await eventually("healthy", async () => (await listed({ health: ["healthy"] })).length === 1);
});
afterAll(() => engine[Symbol.asyncDispose]());

type Filters = Record<string, string[]>;

async function listed(filters: Filters, query = "all=1"): Promise<string[]> {
  const path = `/containers/json?${query}&filters=${encodeURIComponent(JSON.stringify(filters))}`;
  const { status, json, text } = await engine.request("GET", path);
  if (status !== 200) throw new Error(`${status} ${text}`);
  return (json as { Names: string[] }[]).map(({ Names }) => Names[0]?.slice(1) ?? "").reverse();
}

const ROWS: [Filters, string[]][] = [
  [{ name: ["ir"] }, ["first", "third"]],
  [{ name: ["^/?f"] }, ["first", "fourth", "fifth"]],
  [{ name: ["^second$", "third"] }, ["second", "third"]],
  [{ name: ["/first"] }, ["first"]],
  [{ label: ["kind"] }, ["first", "second"]],
  [{ label: ["kind=a"] }, ["first"]],
  [{ label: ["kind", "empty"] }, ["first"]],
  [{ label: ["empty="] }, ["first"]],
  [{ label: ["kind=c"] }, []],
  [{ status: ["exited"] }, ["third"]],
  [{ status: ["created", "paused"] }, ["second", "fourth"]],
  [{ status: ["running"], label: ["kind"] }, ["first"]],
  [{ exited: ["3"] }, ["third"]],
  // What was never started has not ended.
  [{ exited: ["0"] }, []],
  [{ ancestor: ["other"] }, ["fourth"]],
  [{ ancestor: ["again:1"] }, ["first", "second", "third", "fifth"]],
  [{ ancestor: ["nowhere"] }, []],
  [{ before: ["third"] }, ["first", "second"]],
  [{ since: ["third"] }, ["fourth", "fifth"]],
  [{ since: ["first"], before: ["fourth"] }, ["second", "third"]],
  [{ network: ["host"] }, ["fourth"]],
  [{ network: ["nowhere"] }, []],
  [{ volume: ["shelf"] }, ["first"]],
  [{ volume: ["/shelf"] }, ["first"]],
  [{ volume: ["/elsewhere"] }, []],
  [{ expose: ["80"] }, ["second"]],
  [{ expose: ["80/tcp"] }, ["second"]],
  [{ expose: ["50-60/udp"] }, ["second"]],
  [{ expose: ["81"] }, []],
  [{ publish: ["80"] }, []],
  [{ health: ["healthy"] }, ["fifth"]],
  [{ health: ["none"] }, ["first", "second", "third", "fourth"]],
  [{ "is-task": ["false"] }, Object.keys(CONTAINERS)],
  [{ "is-task": ["true"] }, []],
  [{}, Object.keys(CONTAINERS)],
];

describe("a list of containers", () => {
  test.each(ROWS)("by %j", async (filters, expected) => {
    expect(await listed(filters)).toEqual(expected);
  });

  test("by an ID, or a part of one", async () => {
    expect(await listed({ id: [ids.second ?? ""] })).toEqual(["second"]);
    expect(await listed({ id: [ids.second?.slice(0, 12) ?? ""] })).toEqual(["second"]);
    expect(await listed({ network: [await networkId("none")] })).toEqual(["first", "third", "fifth"]);
  });

  test("without all has those that run, and a filter by status or a limit has others too", async () => {
    expect(await listed({}, "")).toEqual(["first", "second", "fifth"]);
    expect(await listed({ status: ["exited"] }, "")).toEqual(["third"]);
    expect(await listed({ exited: ["3"] }, "")).toEqual([]);
    expect(await listed({}, "limit=2")).toEqual(["fourth", "fifth"]);
    expect(await listed({ label: ["kind"] }, "limit=1")).toEqual(["second"]);
    expect(await listed({ since: ["third"] }, "")).toEqual(["fifth"]);
    expect(await listed({}, "limit=-1")).toEqual(["first", "second", "fifth"]);
  });

  test("takes filters as sets as well", async () => {
    const sets = encodeURIComponent('{"name":{"first":true}}');
    const { json } = await engine.request("GET", `/containers/json?all=1&filters=${sets}`);
    expect((json as { Names: string[] }[]).map(({ Names }) => Names)).toEqual([["/first"]]);
  });

  // Docker 20.10 answers some of these with 500.
  test.skipIf(ON_DOCKER).each<[Filters, number]>([
    [{ nonsense: ["x"] }, 400],
    [{ status: ["sleeping"] }, 400],
    [{ health: ["ill"] }, 400],
    [{ exited: ["x"] }, 400],
    [{ "is-task": ["maybe"] }, 400],
    [{ before: ["nobody"] }, 404],
    [{ since: ["nobody"] }, 404],
    [{ expose: ["x"] }, 400],
    [{ publish: ["1.2.3.4:80"] }, 400],
  ])("by %j is refused with %d", async (filters, status) => {
    const path = `/containers/json?filters=${encodeURIComponent(JSON.stringify(filters))}`;
    const answer = await engine.request("GET", path);
    expect([answer.status, typeof (answer.json as { message: string }).message]).toEqual([status, "string"]);
  });
});

async function networkId(name: string): Promise<string> {
  const { json } = await engine.request("GET", `/networks/${name}`);
  return (json as { Id: string }).Id;
}

type Event = { Type: string; Action: string; Actor: { ID: string; Attributes: { name?: string } } };

async function events(filters: Filters, since = "1"): Promise<string[]> {
  const until = (Date.now() / 1000).toFixed(9);
  const path = `/events?since=${since}&until=${until}&filters=${encodeURIComponent(JSON.stringify(filters))}`;
  const { status, text } = await engine.request("GET", path);
  if (status !== 200) throw new Error(`${status} ${text}`);
  return text
    .trim()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Event)
    .map(({ Type, Action, Actor }) => `${Type} ${Action} ${Actor.Attributes.name ?? ""}`);
}

const EVENTS: [Filters, string[]][] = [
  [
    { container: ["second"] },
    ["container create second", "container start second", "container pause second"],
  ],
  [{ event: ["pause"] }, ["container pause second"]],
  [{ event: ["die", "pause"] }, ["container die third", "container pause second"]],
  [{ type: ["container"], event: ["create"], label: ["kind=b"] }, ["container create second"]],
  [{ label: ["kind"], event: ["start"] }, ["container start first", "container start second"]],
  [{ label: ["kind", "empty"], event: ["start"] }, ["container start first"]],
  [{ volume: ["shelf"] }, ["volume create ", "volume mount "]],
  [{ type: ["volume"], event: ["create"] }, ["volume create "]],
  [{ type: ["daemon"] }, []],
  [{ scope: ["swarm"] }, []],
  [{ container: ["nobody"] }, []],
  [{ image: ["other"], type: ["container"], event: ["create"] }, ["container create fourth"]],
];

describe("past events", () => {
  test.each(EVENTS)("by %j", async (filters, expected) => {
    const networkless = (await events(filters)).filter((line) => !line.startsWith("network"));
    expect(networkless).toEqual(expected);
  });

  test("by an ID and the beginning of one", async () => {
    const whole = await events({ container: [ids.second ?? ""] });
    expect(whole).toContain("container pause second");
    expect(await events({ container: [ids.second?.slice(0, 12) ?? ""] })).toEqual(whole);
  });

  test("of an image, by its name with a tag and without", async () => {
    for (const image of ["again", "again:1"])
      expect(await events({ image: [image], type: ["image"] })).toEqual(["image tag again:1"]);
  });

  test("from a time on, up to another", async () => {
    const now = (Date.now() / 1000).toFixed(3);
    await engine.request("POST", "/containers/second/unpause");
    expect(await events({ type: ["container"], container: ["second"] }, now)).toEqual([
      "container unpause second",
    ]);
    const { status } = await engine.request("GET", "/events?since=2000000000&until=1");
    expect(status).toBe(400);
  });

  test.skipIf(ON_DOCKER).each<[string, number]>([
    ["since=x&until=1", 400],
    ["filters=%7Bnonsense", 400],
  ])("with %s are refused", async (query, status) => {
    expect((await engine.request("GET", `/events?${query}`)).status).toBe(status);
  });
});

/** One image made from another, by a container that is gone then. */
async function commits(image: string, from: string): Promise<void> {
  const id = await engine.output("docker", ["run", "-d", "--network", "none", from, "touch", `/${image}`]);
  await engine.output("docker", ["wait", id]);
  await engine.output("docker", ["commit", id, image]);
  await engine.output("docker", ["rm", id]);
}

test("an ancestor is an image that another was made from, however many lie between", async () => {
  await commits("busybox:child", "busybox");
  await commits("busybox:grandchild", "busybox:child");
  await engine.output("docker", ["create", "--name", "descendant", "busybox:grandchild", "true"]);
  expect(await listed({ ancestor: ["busybox"] })).toContain("descendant");
  expect(await listed({ ancestor: ["busybox:child"] })).toEqual(["descendant"]);
  expect(await listed({ ancestor: ["busybox:grandchild", "other"] })).toEqual(["fourth", "descendant"]);
  expect(await listed({ ancestor: ["other"] })).toEqual(["fourth"]);
});
