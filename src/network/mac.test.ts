import { expect, test } from "bun:test";
import { macFor } from "./mac.ts";

test("an address is in the MAC address that follows from it, of both families the first's last four bytes", () => {
  expect(macFor(["172.17.0.2", "fd00::3"])).toBe("02:42:ac:11:00:02");
  expect(macFor(["", "fd00::1:203"])).toBe("02:42:00:01:02:03");
  expect(macFor(["0.0.0.9"])).toBe("02:42:00:00:00:09");
});
