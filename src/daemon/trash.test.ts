import { describe, expect, test } from "bun:test";
import type { TrashItem } from "../spec/trash.ts";
import { dueOf } from "./trash.ts";
import { trashSettings } from "./trash_flags.ts";

const NOW = Date.parse("2026-01-01T12:00:00Z");
const item = (ID: string, minutes: number, Bytes: number): TrashItem => ({
  ...{ ID, Type: "volume", Names: [ID], Bytes, Reason: "volume rm" },
  RemovedAt: new Date(NOW - minutes * 60_000).toISOString(),
});
/** The oldest first. */
const ITEMS = [item("old", 61, 1), item("large", 50, 700), item("middle", 40, 300), item("new", 1, 400)];
const due = (change: Partial<Parameters<typeof dueOf>[1]>) =>
  dueOf(ITEMS, { keep: 3_600_000, maxBytes: 10_000, now: NOW, isLow: false, ...change }).map(({ ID }) => ID);

describe("what has to go from the trash", () => {
  test("is what has waited long enough", () => expect(due({})).toEqual(["old"]));
  test("is the oldest where there is more than may be", () =>
    expect(due({ maxBytes: 700 })).toEqual(["old", "large"]));
  test("is what alone is more than may be, and not what is younger", () =>
    expect(due({ maxBytes: 699 })).toEqual(["old", "large", "middle"]));
  test("is all where the disk is nearly full", () => expect(due({ isLow: true })).toHaveLength(4));
  test("is all where nothing is to wait", () => expect(due({ keep: 0 })).toHaveLength(4));
});

describe("daemon.json's trash", () => {
  test("says how long and how much; what it leaves out is an hour and a gibibyte", () => {
    expect(trashSettings(undefined)).toEqual({ keep: 3_600_000, maxBytes: 2 ** 30 });
    expect(trashSettings({ keep: "24h" })).toEqual({ keep: 86_400_000, maxBytes: 2 ** 30 });
    expect(trashSettings({ keep: "0s", "max-bytes": "2GB" })).toEqual({ keep: 0, maxBytes: 2 * 2 ** 30 });
    expect(trashSettings({ "max-bytes": 12 }).maxBytes).toBe(12);
  });

  test.each([[5], [{ keep: "soon" }], [{ keep: 5 }], [{ "max-bytes": true }], [{ days: 1 }], [[]]])(
    "is refused as %j",
    (told) => expect(() => trashSettings(told)).toThrow(/^trash/),
  );
});
