import { describe, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readConfig } from "./config.ts";
import { defaultLogOf } from "./log_options.ts";

describe("the default log driver", () => {
  test("comes from flags, its options one by one", async () => {
    const flags = ["--log-driver", "local", "--log-opt", "max-size=1m", "--log-opt", "max-file=3"];
    const config = await readConfig(flags);
    expect(config).toMatchObject({ logDriver: "local", logOpts: { "max-size": "1m", "max-file": "3" } });
  });

  test("or from the file, as an object", async () => {
    const directory = await mkdtemp("/tmp/fathom-test-config-");
    const path = join(directory, "daemon.json");
    const read = async (content: object) => {
      await writeFile(path, JSON.stringify(content));
      return readConfig(["--config-file", path]);
    };
    try {
      expect(await read({ "log-driver": "none", "log-opts": {} })).toMatchObject({ logDriver: "none" });
      await expect(read({ "log-opts": { "max-size": 5 } })).rejects.toThrow(
        "log-opts must be an object of strings",
      );
      await expect(read({ "log-opt": { a: "b" } })).rejects.toThrow("no such configuration option: log-opt");
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  test.each([
    ["nope", {}, 'failed to set log opts: error looking up logging plugin nope: plugin "nope" not found'],
    ["local", { labels: "x" }, "failed to set log opts: unknown log opt 'labels' for log driver local"],
    ["json-file", { "max-size": "5x" }, "invalid size: '5x'"],
    ["json-file", { tag: "{{.X}}" }, "can't evaluate field X"],
  ])("is refused at the daemon's start: %s with %p", async (logDriver, logOpts, sentence) => {
    await expect(defaultLogOf({ logDriver, logOpts })).rejects.toThrow(sentence);
  });

  test("an option without a value is refused", async () => {
    await expect(readConfig(["--log-opt", "max-size"])).rejects.toThrow("write it as name=value");
  });
});
