import { expect, test } from "bun:test";
import { rfc3339, rfc3339Fixed, wallClock } from "./time.ts";

test("zeros at the end of the fraction are left out, in the fixed form kept", () => {
  expect(rfc3339(1377427942_257575646n)).toBe("2013-08-25T10:52:22.257575646Z");
  expect(rfc3339(1377427942_250000000n)).toBe("2013-08-25T10:52:22.25Z");
  expect(rfc3339(1377427942_000000000n)).toBe("2013-08-25T10:52:22Z");
  expect(rfc3339Fixed(1377427942_000000001n)).toBe("2013-08-25T10:52:22.000000001Z");
  expect(rfc3339Fixed(1377427942_000000000n)).toBe("2013-08-25T10:52:22.000000000Z");
});

test("the clock agrees with the system's and does not go back", () => {
  let last = wallClock();
  for (let count = 0; count < 1000; count += 1) {
    const next = wallClock();
    expect(next).toBeGreaterThanOrEqual(last);
    last = next;
  }
  expect(Math.abs(Number(last / 1_000_000n) - Date.now())).toBeLessThan(10);
});
