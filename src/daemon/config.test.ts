import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readConfig } from "./config.ts";

const directory = mkdtempSync("/tmp/fathom-test-config-");
afterAll(() => rmSync(directory, { recursive: true }));

function file(text: string): string {
  const path = join(directory, `${Math.random()}.json`);
  writeFileSync(path, text);
  return path;
}

describe("the daemon's configuration", () => {
  test("flags set what dockerd's flags of the same names set", async () => {
    const config = await readConfig([
      "-H",
      "unix:///a",
      "--host=tcp://127.0.0.1:1",
      "--data-root",
      "/d",
      "-l",
      "debug",
    ]);
    expect(config).toMatchObject({
      hosts: ["unix:///a", "tcp://127.0.0.1:1"],
      dataRoot: "/d",
      execRoot: "/run/fathom",
      logLevel: "debug",
      defaultRuntime: "native",
    });
  });

  test("a file sets what no flag sets", async () => {
    const path = file('{"hosts":["unix:///b"],"default-runtime":"runc"}');
    expect(await readConfig(["--config-file", path, "--data-root=/d"])).toMatchObject({
      hosts: ["unix:///b"],
      defaultRuntime: "runc",
      dataRoot: "/d",
    });
  });

  const refused: [string, string[], RegExp][] = [
    [
      "a directive in both places",
      ["--config-file", file('{"data-root":"/a"}'), "--data-root=/b"],
      /data-root/,
    ],
    [
      "an option nobody knows",
      ["--config-file", file('{"bridges":"x"}')],
      /no such configuration option: bridges/,
    ],
    [
      "a value of the wrong type",
      ["--config-file", file('{"hosts":"unix:///a"}')],
      /hosts must be a list of strings/,
    ],
    ["a file that is not JSON", ["--config-file", file("{")], /is not JSON/],
    ["a file that is named and absent", ["--config-file", join(directory, "none")], /cannot read/],
    ["a flag nobody knows", ["--bridges=x"], /--bridges/],
    ["a relative root", ["--data-root=x"], /must be an absolute path/],
    ["a log level nobody knows", ["-l", "loud"], /unknown log level: loud/],
  ];
  for (const [what, argv, message] of refused) {
    test(`${what} is refused in a sentence that names it`, async () => {
      await expect(readConfig(argv)).rejects.toThrow(message);
    });
  }

  test("help is asked for, not configured", async () => {
    expect(await readConfig(["--help"])).toBe("help");
  });
});
