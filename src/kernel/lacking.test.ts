import { expect, test } from "bun:test";
import { kindOf } from "../std/errors.ts";
import { ERRNO, SyscallError } from "./errno.ts";
import { needing } from "./lacking.ts";

const bridge = { module: "bridge", refusal: "EOPNOTSUPP" } as const;
const failing = (errno: number) => () => {
  throw new SyscallError("make the bridge fathom0", errno);
};

test("what the kernel lacks is named, with the command that loads it", () => {
  expect(() => needing(bridge, failing(ERRNO.EOPNOTSUPP))).toThrow(
    /^cannot make the bridge fathom0: this host's kernel has no bridge: load it \(modprobe bridge\)/,
  );
  try {
    needing(bridge, failing(ERRNO.EOPNOTSUPP));
  } catch (error) {
    expect(kindOf(error)).toBe("unsupported");
  }
});

test("any other failure stays what it is, and what succeeds too", () => {
  expect(() => needing(bridge, failing(ERRNO.EPERM))).toThrow("make the bridge fathom0: EPERM");
  expect(needing(bridge, () => 7)).toBe(7);
});
