import { describe, expect, test } from "bun:test";
import type { Process } from "./oci_runtime.ts";
import { configText, processText } from "./oci_text.ts";

const LIMIT = { type: "RLIMIT_CORE", soft: 5, hard: -1 };
const process: Process = {
  user: { uid: 0, gid: 0 },
  args: ["true"],
  env: [],
  cwd: "/",
  rlimits: [LIMIT],
};

describe("no limit is written to the last digit", () => {
  test("where it is -1", () => {
    expect(processText(process)).toContain('{"type":"RLIMIT_CORE","soft":5,"hard":18446744073709551615}');
  });

  test("where it was read from such a text before", () => {
    const again = JSON.parse(processText(process)) as Process;
    expect(processText(again)).toBe(processText(process));
  });

  test("in a bundle's configuration too, and the rest stays as it is", () => {
    const config = {
      ociVersion: "1.0.2",
      root: { path: "/r" },
      process,
      mounts: [],
      linux: { namespaces: [] },
    };
    expect(configText(config)).toContain('"hard":18446744073709551615');
    const plain = { ...config, process: { ...process, rlimits: [{ ...LIMIT, hard: 6 }] } };
    expect(JSON.parse(configText(plain))).toEqual(plain);
  });
});
