/** Log drivers and their options, and what `logs` gives of them. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Engine, startEngine } from "../harness/mod.ts";
import { CLIENTS, commandLine, NONE, ON_DOCKER } from "./client.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterEach(() => engine.removeContainers());
afterAll(() => engine[Symbol.asyncDispose]());

/** The flags of a driver and its options. */
const driver = (name: string, ...options: string[]) => [
  "--log-driver",
  name,
  ...options.flatMap((option) => ["--log-opt", option]),
];
const NEVER_ASKED = "syslog-address=udp://127.0.0.1:9";

describe.each(CLIENTS)("%s", (client) => {
  const { command, output, runs } = commandLine(client, () => engine);

  /** Runs a container to its end and gives its ID; it stays. */
  async function ended(args: string[]): Promise<string> {
    const id = await output(["create", ...NONE, ...args]);
    await output(["start", "-a", id]);
    return id;
  }

  describe("refused is", () => {
    test.each([
      [
        "an option of no driver",
        driver("json-file", "foo=1"),
        "unknown log opt 'foo' for json-file log driver",
      ],
      ["one of another driver", driver("local", "tag=x"), "unknown log opt 'tag' for log driver local"],
      [
        "a size",
        driver("json-file", "max-size=5x"),
        "failed to initialize logging driver: invalid size: '5x'",
      ],
      ["a size of nothing", driver("json-file", "max-size=0"), "max-size must be a positive number"],
      ["a number", driver("json-file", "max-file=a"), 'strconv.Atoi: parsing "a": invalid syntax'],
      ["no file", driver("json-file", "max-file=0"), "max-file cannot be less than 1"],
      [
        "a choice",
        driver("json-file", "compress=maybe", "max-size=1m", "max-file=2"),
        'ParseBool: parsing "maybe"',
      ],
      [
        "compression of a single file",
        driver("json-file", "compress=true", "max-size=1m", "max-file=1"),
        "compress cannot be true when max-file is less than 2 or max-size is not set",
      ],
      ["the same", driver("local", "max-file=1"), "compression cannot be enabled when max file count is 1"],
      [
        "a size of the local driver",
        driver("local", "max-size=x"),
        "invalid value for max-size: x: invalid size: 'x'",
      ],
      [
        "a field",
        driver("json-file", "tag={{.X}}"),
        'executing "log-tag" at <.X>: can\'t evaluate field X in type *logger.Info',
      ],
      ["a template", driver("json-file", "tag={{"), "template: log-tag:1: unclosed action"],
      ["an expression", driver("json-file", "labels-regex=["), "error parsing regexp: "],
      ["a mode", driver("json-file", "mode=foo"), "logger: logging mode not supported: foo"],
      [
        "a buffer in blocking mode",
        driver("json-file", "max-buffer-size=1m"),
        "logger: max-buffer-size option is only supported with 'mode=non-blocking'",
      ],
      ["a driver", driver("nope"), 'error looking up logging plugin nope: plugin "nope" not found'],
      [
        "an address",
        driver("syslog", "syslog-address=foo://x"),
        "syslog-address should be in form proto://address, got foo://x",
      ],
      [
        "a socket that is not there",
        driver("syslog", "syslog-address=unix:///nope"),
        "stat /nope: no such file or directory",
      ],
      ["a facility", driver("syslog", NEVER_ASKED, "syslog-facility=foo"), "invalid syslog facility"],
      ["a format", driver("syslog", NEVER_ASKED, "syslog-format=foo"), "Invalid syslog format"],
      [
        "a cache",
        driver("syslog", NEVER_ASKED, "cache-disabled=x"),
        "invalid value for option cache-disabled: x",
      ],
      [
        "a server that is not there",
        driver("syslog", "syslog-address=tcp://127.0.0.1:1"),
        "failed to initialize logging driver: dial tcp 127.0.0.1:1: connect: connection refused",
      ],
      [
        "options where nothing is logged",
        driver("none", "max-size=1m"),
        "invalid logging opts for driver none",
      ],
    ])("%s", async (_, flags, sentence) => {
      const { status, stderr } = await runs([...flags, "busybox", "true"]);
      expect(stderr).toContain(sentence);
      // The docker command takes a file that is not there for a program that is not.
      expect(status).toBe(client === "docker" && sentence.startsWith("stat ") ? 127 : 125);
    });
  });

  test("a start that the log driver fails leaves a container that has never run", async () => {
    const id = await output(["create", ...NONE, "--log-opt", "max-size=5x", "busybox", "true"]);
    expect((await command(["start", id])).status).toBe(1);
    expect(await output(["inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", id])).toMatch(
      /^created (128|0)$/,
    );
  });

  test("inspect shows the driver, its options and, once started, the file", async () => {
    const id = await output(["create", ...NONE, "--log-opt", "max-size=1m", "busybox", "true"]);
    const shown = () => output(["inspect", "-f", "{{json .HostConfig.LogConfig}} [{{.LogPath}}]", id]);
    const config = '{"Type":"json-file","Config":{"max-size":"1m"}}';
    expect(await shown()).toBe(`${config} []`);
    await output(["start", "-a", id]);
    expect(await shown()).toBe(`${config} [${join(engine.dataRoot, "containers", id, `${id}-json.log`)}]`);
  });

  test.each(["local", "syslog"])("what goes to %s can be read, and has no path", async (name) => {
    const more = name === "syslog" ? [NEVER_ASKED] : [];
    const id = await ended([
      ...driver(name, ...more),
      "busybox",
      "sh",
      "-c",
      "echo out; sleep 0.05; echo err >&2",
    ]);
    const { stdout, stderr } = await command(["logs", id]);
    expect([stdout, stderr]).toEqual(["out\n", "err\n"]);
    expect(await output(["logs", "--tail", "1", id])).toBe("");
    expect(await output(["inspect", "-f", "{{.HostConfig.LogConfig.Type}} [{{.LogPath}}]", id])).toBe(
      `${name} []`,
    );
  });

  test.each([
    ["none", driver("none")],
    ["a server alone", driver("syslog", NEVER_ASKED, "cache-disabled=true")],
  ])("what goes to %s cannot", async (_, flags) => {
    const id = await ended([...flags, "busybox", "echo", "x"]);
    const { status, stderr } = await command(["logs", id]);
    expect(stderr).toContain("configured logging driver does not support reading");
    expect(status).toBe(1);
  });

  test("details are the labels, variables and the tag that were asked for", async () => {
    const asked = [
      "labels=a,zz",
      "labels-regex=^b",
      "env=X,none",
      "env-regex=^Z",
      "tag={{.Name}}/{{.ImageName}}",
    ];
    const given = [
      "--name",
      "named",
      "--label",
      "a=1",
      "--label",
      "bc=2 <&>",
      "-e",
      "X=1",
      "-e",
      "Y=2",
      "-e",
      "Zed=3",
    ];
    const id = await ended([...driver("json-file", ...asked), ...given, "busybox", "echo", "hi"]);
    expect(await output(["logs", "--details", id])).toBe(
      "X=1,Zed=3,a=1,bc=2+%3C%26%3E,tag=named%2Fbusybox hi",
    );
    const log = await readFile(join(engine.dataRoot, "containers", id, `${id}-json.log`), "utf8");
    expect(log).toContain(
      '"stream":"stdout","attrs":{"X":"1","Zed":"3","a":"1","bc":"2 \\u003c\\u0026\\u003e","tag":"named/busybox"},"time"',
    );
  });

  test("without attributes details are a space", async () => {
    const id = await ended(["busybox", "echo", "hi"]);
    expect((await command(["logs", "--details", id])).stdout).toBe(" hi\n");
  });

  test.each(["json-file", "local"])("%s rotates, compresses and loses no line", async (name) => {
    const options = ["max-size=200k", "max-file=20", "compress=true"];
    const count = 20_000;
    const id = await ended([...driver(name, ...options), "busybox", "seq", String(count)]);
    const numbers = Array.from({ length: count }, (_, index) => `${index + 1}\n`);
    expect((await command(["logs", id])).stdout).toBe(numbers.join(""));
    expect((await command(["logs", "--tail", "15000", id])).stdout).toBe(numbers.slice(-15_000).join(""));
  });

  test("lines beyond 16 KiB, bytes that are no text and a last line without its end", async () => {
    const script = `head -c 40000 /dev/zero | tr '\\0' x; echo; printf 'a\\377b\\000c\\r\\n\\n'; printf end`;
    const id = await ended(["busybox", "sh", "-c", script]);
    const { stdout } = await command(["logs", id]);
    expect(stdout).toBe(`${"x".repeat(40_000)}\na\ufffdb\0c\r\n\nend`);
    const log = await readFile(join(engine.dataRoot, "containers", id, `${id}-json.log`), "utf8");
    const lengths = log
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).log.length);
    expect(lengths).toEqual([16_384, 16_384, 7233, 7, 1, 3]);
    expect((await command(["logs", "--tail", "2", id])).stdout).toBe("\nend");
  });

  test("since and until are exact to the nanosecond, and inclusive", async () => {
    const script = "for i in 1 2 3 4 5; do echo $i; sleep 0.02; done";
    const id = await ended(["busybox", "sh", "-c", script]);
    const stamped = (await output(["logs", "-t", id])).split("\n").map((line) => line.split(" ")[0] ?? "");
    const [, second = "", , fourth = ""] = stamped;
    expect(await output(["logs", "--since", second, "--until", fourth, id])).toBe("2\n3\n4");
    expect(await output(["logs", "--since", beside(second, 1n), "--until", beside(fourth, -1n), id])).toBe(
      "3",
    );
    expect(await output(["logs", "--since", "1h", id])).toBe("1\n2\n3\n4\n5");
    expect(await output(["logs", "--until", "1h", id])).toBe("");
    expect(await output(["logs", "--since", second, "--tail", "1", id])).toBe("5");
  });

  test("following ends with the run that is followed, also when it is started again", async () => {
    const script = "echo begin; sleep 0.5; echo end; exit 3";
    const id = await output([
      "run",
      "-d",
      ...NONE,
      "--restart",
      "on-failure:1",
      "busybox",
      "sh",
      "-c",
      script,
    ]);
    expect(await output(["logs", "-f", id])).toBe("begin\nend");
    await output(["wait", id]);
    expect(await output(["logs", "-f", id])).toContain("begin\nend");
  });

  test("following goes on over rotations", async () => {
    const script = "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo $i; done; sleep 0.2; echo over";
    const flags = driver("json-file", "max-size=20k", "max-file=30", "compress=true");
    const id = await output(["run", "-d", ...NONE, ...flags, "busybox", "sh", "-c", script]);
    const followed = await output(["logs", "-f", id]);
    expect(followed.split("\n")).toEqual([...Array.from({ length: 3000 }, (_, i) => String(i + 1)), "over"]);
  });

  test("lines of both streams that come one after another stay in their order", async () => {
    const script = "for i in $(seq 20); do echo out $i; sleep 0.03; echo err $i >&2; sleep 0.03; done";
    const id = await ended(["busybox", "sh", "-c", script]);
    const log = await readFile(join(engine.dataRoot, "containers", id, `${id}-json.log`), "utf8");
    const lines = log
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).log.trim());
    expect(lines).toEqual(Array.from({ length: 20 }, (_, i) => [`out ${i + 1}`, `err ${i + 1}`]).flat());
  });
});

/** A time, some nanoseconds later. */
function beside(time: string, nanoseconds: bigint): string {
  const [whole = "", fraction = ""] = time.slice(0, -1).split(".");
  const total = BigInt(Date.parse(`${whole}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, "0")) + nanoseconds;
  return `${new Date(Number(total / 1_000_000n)).toISOString().slice(0, 19)}.${String(total % 1_000_000_000n).padStart(9, "0")}Z`;
}

describe("a daemon with a log driver of its own", () => {
  let other: Engine;
  beforeAll(async () => {
    other = await startEngine({ args: ["--log-driver", "local", "--log-opt", "max-size=1m"] });
  });
  afterAll(() => other[Symbol.asyncDispose]());

  test("gives it to containers that name none, with its options to those that name it", async () => {
    const config = async (args: string[]) => {
      const id = await other.output("docker", ["create", ...NONE, ...args, "busybox", "true"]);
      return other.output("docker", ["inspect", "-f", "{{json .HostConfig.LogConfig}}", id]);
    };
    expect(await other.output("docker", ["info", "-f", "{{.LoggingDriver}}"])).toBe("local");
    expect(await config([])).toBe('{"Type":"local","Config":{"max-size":"1m"}}');
    expect(await config(driver("local", "max-file=3"))).toBe(
      '{"Type":"local","Config":{"max-file":"3","max-size":"1m"}}',
    );
    expect(await config(driver("json-file"))).toBe('{"Type":"json-file","Config":{}}');
  });

  test.skipIf(ON_DOCKER)("that is killed goes on with what was followed, every line once", async () => {
    const script = "i=0; while [ $i -lt 100 ]; do i=$((i+1)); echo $i; sleep 0.02; done";
    const id = await other.output("docker", ["run", "-d", ...NONE, "busybox", "sh", "-c", script]);
    const first = other.command("docker", ["logs", "-f", id]);
    await Bun.sleep(500);
    await other.kill();
    const { stdout } = await first;
    await other.start();
    const numbers = Array.from({ length: 100 }, (_, index) => `${index + 1}\n`).join("");
    expect(numbers).toStartWith(stdout);
    expect((await other.command("docker", ["logs", "-f", id])).stdout).toBe(numbers);
  });

  // Docker 20.10 finds out with the first container.
  test.skipIf(ON_DOCKER)("refuses one that there is none of", async () => {
    const started = startEngine({ bare: true, args: ["--log-driver", "nope"] });
    await expect(started).rejects.toThrow(/failed to set log opts|error looking up logging plugin/);
  });
});
