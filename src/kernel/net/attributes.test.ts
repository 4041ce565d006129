import { describe, expect, test } from "bun:test";
import { decodeAttributes, encodeAttributes, readBe32, readText, readU32, text, u32 } from "./attributes.ts";

describe("attributes", () => {
  test("stand padded to four bytes, nested ones marked", () => {
    const bytes = encodeAttributes([
      [3, text("br0")],
      [18, [[1, text("bridge")]]],
    ]);
    // As iproute2 sends them, but for the mark of nesting, which it leaves out.
    expect(Buffer.from(bytes).toString("hex")).toBe(
      "08000300627230001000 1280 0b00 0100 627269646765 0000".replaceAll(" ", ""),
    );
  });

  test("are read back by type, whatever marks their types carry", () => {
    const found = decodeAttributes(
      encodeAttributes([
        [3, text("br0")],
        [4, u32(1500)],
        [18, [[1, text("bridge")]]],
      ]),
    );
    expect([readText(found.get(3)), readU32(found.get(4))]).toEqual(["br0", 1500]);
    expect(readText(decodeAttributes(found.get(18) ?? new Uint8Array()).get(1))).toBe("bridge");
  });

  test("that are cut short or absent are left out", () => {
    const whole = encodeAttributes([[4, u32(1500)]]);
    expect(decodeAttributes(whole.subarray(0, 7)).size).toBe(0);
    expect(decodeAttributes(Uint8Array.of(2, 0, 1, 0, 9, 9)).size).toBe(0);
    expect([readU32(undefined), readBe32(Uint8Array.of(1)), readText(undefined)]).toEqual([0, 0, ""]);
  });
});
