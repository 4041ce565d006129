import { describe, expect, test } from "bun:test";
import { messageOf } from "../../std/errors.ts";
import { parseByteRate, parseDeviceWeight, parseOperationRate } from "./block_io.ts";

function refusal(parse: () => unknown): string {
  try {
    parse();
    return "none";
  } catch (error) {
    return messageOf(error);
  }
}

describe("a limit on a block device", () => {
  test("is a path and a rate in bytes, in operations, or a weight", () => {
    expect(parseByteRate("/dev/sda:1.5mb")).toEqual({ Path: "/dev/sda", Rate: 1_572_864 });
    expect(parseOperationRate("/dev/sda:100")).toEqual({ Path: "/dev/sda", Rate: 100 });
    expect(parseDeviceWeight("/dev/sda:0")).toEqual({ Path: "/dev/sda", Weight: 0 });
  });

  test("is refused in Docker's words", () => {
    const bytes =
      "The correct format is <device-path>:<number>[<unit>]. Number must be a positive integer. Unit is optional and can be kb, mb, or gb";
    expect(refusal(() => parseByteRate("/dev/sda"))).toBe("bad format: /dev/sda");
    expect(refusal(() => parseByteRate("sda:1mb"))).toBe("bad format for device path: sda:1mb");
    expect(refusal(() => parseByteRate("/dev/sda:-1"))).toBe(
      `invalid rate for device: /dev/sda:-1. ${bytes}`,
    );
    expect(refusal(() => parseOperationRate("/dev/sda:1k"))).toStartWith(
      "invalid rate for device: /dev/sda:1k.",
    );
    expect(refusal(() => parseDeviceWeight("/dev/sda:9"))).toBe("invalid weight for device: /dev/sda:9");
  });
});
