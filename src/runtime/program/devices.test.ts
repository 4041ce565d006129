import { describe, expect, test } from "bun:test";
import { deviceRules } from "./devices.ts";

const DENY_ALL = { allow: false, access: "rwm" };
const NULL_DEVICE = { allow: true, type: "c", major: 1, minor: 3, access: "rwm" } as const;

describe("device rules", () => {
  test("of a bundle that denies all, as `runc spec` writes it, still allow what every container has", () => {
    const rules = deviceRules([DENY_ALL]);
    expect(rules[0]).toEqual(DENY_ALL);
    expect(rules).toContainEqual(NULL_DEVICE);
    expect(rules).toContainEqual({ allow: true, type: "c", major: 136, access: "rwm" });
    expect(rules.filter(({ allow }) => !allow)).toHaveLength(1);
  });

  test("that the bundle has already are not said twice", () => {
    const rules = deviceRules([DENY_ALL, NULL_DEVICE]);
    expect(rules.filter(({ major, minor }) => major === 1 && minor === 3)).toHaveLength(1);
  });

  test("are none where the bundle has none", () => {
    expect(deviceRules([])).toEqual([]);
  });
});
