import { describe, expect, test } from "bun:test";
import type { EventMessage } from "../spec/docker.ts";
import { type EventBus, eventBus } from "./events.ts";

const ALL = { since: 0, until: 0, filters: {} };

function start(bus: EventBus, id: string, attributes: Record<string, string> = {}): void {
  bus.emit({
    Type: "container",
    Action: "start",
    id,
    attributes: { image: "busybox", name: `n-${id}`, ...attributes },
  });
}

async function take(events: AsyncIterable<EventMessage>, count: number): Promise<string[]> {
  const ids: string[] = [];
  for await (const event of events) {
    ids.push(event.Actor.ID);
    if (ids.length === count) break;
  }
  return ids;
}

describe("the event bus", () => {
  test("a listener gets what happens after it subscribed, also before it first reads", async () => {
    const bus = eventBus();
    start(bus, "early");
    const events = bus.subscribe(ALL, new AbortController().signal);
    start(bus, "a");
    start(bus, "b");
    expect(await take(events, 2)).toEqual(["a", "b"]);
    expect(bus.listeners()).toBe(0);
  });

  test("since replays the past, and until in the past ends the stream", async () => {
    const bus = eventBus();
    start(bus, "a");
    const query = { since: Date.now() / 1000 - 5, until: Date.now() / 1000, filters: {} };
    expect(await take(bus.subscribe(query, new AbortController().signal), 9)).toEqual(["a"]);
  });

  test("until in the future ends a live stream", async () => {
    const bus = eventBus();
    const events = bus.subscribe({ ...ALL, until: Date.now() / 1000 + 0.05 }, new AbortController().signal);
    start(bus, "a");
    expect(await take(events, 9)).toEqual(["a"]);
  });

  test("an aborted listener ends and is forgotten", async () => {
    const bus = eventBus();
    const abort = new AbortController();
    const events = bus.subscribe(ALL, abort.signal);
    setTimeout(() => abort.abort(), 5);
    expect(await take(events, 1)).toEqual([]);
    expect(bus.listeners()).toBe(0);
  });

  const cases: [Record<string, string[]>, string[]][] = [
    [{ container: ["b"] }, ["b"]],
    [{ container: ["n-a"] }, ["a"]],
    [{ type: ["image"] }, []],
    [{ event: ["start"] }, ["a", "b"]],
    [{ event: ["die"] }, []],
    [{ label: ["tier=web"] }, ["b"]],
    [{ label: ["tier"], container: ["a"] }, []],
    [{ image: ["busybox"] }, ["a", "b"]],
    [{ image: ["busy"] }, []],
    [{ container: ["n-"] }, ["a", "b"]],
    [{ plugin: ["x"] }, []],
    [{ nonsense: ["x"] }, ["a", "b"]],
  ];
  for (const [filters, expected] of cases) {
    test(`filters ${JSON.stringify(filters)} pass ${JSON.stringify(expected)}`, async () => {
      const bus = eventBus();
      start(bus, "a");
      start(bus, "b", { tier: "web" });
      const query = { since: 1, until: Date.now() / 1000, filters };
      expect(await take(bus.subscribe(query, new AbortController().signal), 9)).toEqual(expected);
    });
  }

  test("a message carries the fields of old and new clients", async () => {
    const bus = eventBus();
    start(bus, "a");
    for await (const event of bus.subscribe(
      { ...ALL, since: 1, until: Date.now() / 1000 },
      new AbortController().signal,
    )) {
      expect(event).toMatchObject({
        status: "start",
        id: "a",
        from: "busybox",
        Type: "container",
        scope: "local",
      });
      expect(Math.floor(event.timeNano / 1e9)).toBe(event.time);
    }
  });
});
