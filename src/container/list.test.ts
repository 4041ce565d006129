import { describe, expect, test } from "bun:test";
import { kindOf, messageOf } from "../std/errors.ts";
import { type FakeEngine, fakeEngine } from "./_fakes.ts";
import type { Filters } from "./filters.ts";
import { FRESH_STATE, type StateRecord } from "./records.ts";
import { statusText } from "./status_text.ts";

async function three(): Promise<FakeEngine> {
  const fake = await fakeEngine();
  const create = async (name: string, labels: Record<string, string>) => {
    await fake.engine.containers.create(
      {
        Image: "bb",
        Labels: labels,
        HostConfig: { NetworkMode: name === "c" ? "host" : "none", Binds: [`/tmp:/${name}`] },
      },
      { name: `${name}1` },
    );
    await Bun.sleep(1);
  };
  await create("a", { tier: "front" });
  await create("b", { tier: "back" });
  await create("c", {});
  await fake.engine.containers.start("b1");
  await fake.engine.containers.start("a1");
  fake.shim().end(3);
  return fake;
}

async function names(fake: FakeEngine, filters: Filters = {}, all = true, limit = 0): Promise<string> {
  const rows = await fake.engine.containers.list({ all, limit, size: false, filters });
  return rows.map((row) => row.Names[0]?.slice(1)).join(" ");
}

describe("a list", () => {
  test("shows what runs, or all, or the newest", async () => {
    await using fake = await three();
    expect(await names(fake, {}, false)).toBe("b1");
    expect(await names(fake)).toBe("c1 b1 a1");
    expect(await names(fake, {}, false, 2)).toBe("c1 b1");
  });

  test("has Docker's row", async () => {
    await using fake = await three();
    const [row] = await fake.engine.containers.list({ all: false, limit: 0, size: true, filters: {} });
    expect(row).toMatchObject({
      Names: ["/b1"],
      Image: "bb",
      ImageID: `sha256:${"1".repeat(64)}`,
      Command: "sh",
      Ports: [],
      Labels: { a: "b", tier: "back" },
      State: "running",
      Status: "Up Less than a second",
      HostConfig: { NetworkMode: "none" },
      SizeRw: 1,
      SizeRootFs: 2,
      Mounts: [
        { Type: "bind", Source: "/tmp", Destination: "/b", Mode: "", RW: true, Propagation: "rprivate" },
      ],
    });
    expect(row?.Created).toBeGreaterThan(1_700_000_000);
  });

  test.each([
    [{ name: ["a"] }, "a1"],
    [{ name: ["^/b1$", "c1"] }, "c1 b1"],
    [{ name: ["["] }, ""],
    [{ label: ["tier"] }, "b1 a1"],
    [{ label: ["tier=front"] }, "a1"],
    [{ label: ["tier", "tier=back"] }, "b1"],
    [{ label: ["toString"] }, ""],
    [{ status: ["created", "exited"] }, "c1 a1"],
    [{ exited: ["3"] }, "a1"],
    [{ ancestor: ["bb"] }, "c1 b1 a1"],
    [{ ancestor: ["other"] }, ""],
    [{ before: ["b1"] }, "a1"],
    [{ since: ["b1"] }, "c1"],
    [{ network: ["host"] }, "c1"],
    [{ volume: ["/b"] }, "b1"],
    [{ expose: ["80/tcp"] }, ""],
    [{ expose: ["70-79"] }, ""],
    [{ publish: ["80"] }, ""],
    [{ health: ["none"] }, "c1 b1 a1"],
    [{ "is-task": ["true"] }, ""],
  ] as [Filters, string][])("filtered by %j holds %s", async (filters, expected) => {
    await using fake = await three();
    expect(await names(fake, filters)).toBe(expected);
  });

  test.each([
    [{ foo: ["a"] }, "invalid: invalid filter 'foo'"],
    [{ status: ["up"] }, "invalid: invalid filter 'status=up'"],
    [{ exited: ["x"] }, "invalid: invalid filter 'exited=x'"],
    [{ before: ["zz"] }, "not-found: No such container: zz"],
  ] as [Filters, string][])("filtered by %j is refused", async (filters, sentence) => {
    await using fake = await fakeEngine();
    const refused = names(fake, filters).catch((error) => `${kindOf(error)}: ${messageOf(error)}`);
    expect(await refused).toBe(sentence);
  });
});

test("the status is told in Docker's words", () => {
  const now = Date.parse("2026-01-01T00:02:00Z");
  const text = (state: Partial<StateRecord>) => statusText({ ...FRESH_STATE, ...state }, now);
  const times = { StartedAt: "2026-01-01T00:01:57Z", FinishedAt: "2026-01-01T00:00:00Z" };
  expect(text({ Status: "created" })).toBe("Created");
  expect(text({ Status: "running", ...times })).toBe("Up 3 seconds");
  expect(text({ Status: "paused", ...times })).toBe("Up 3 seconds (Paused)");
  expect(text({ Status: "restarting", ExitCode: 1, ...times })).toBe("Restarting (1) 2 minutes ago");
  expect(text({ Status: "exited", ExitCode: 137, ...times })).toBe("Exited (137) 2 minutes ago");
  expect(text({ Status: "dead" })).toBe("Dead");
  expect(text({ Status: "removing" })).toBe("Removal In Progress");
});
