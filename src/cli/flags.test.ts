import { describe, expect, test } from "bun:test";
import { type FlagTable, HelpWanted, parseFlags } from "./flags.ts";

const TABLE = {
  all: { type: "bool", short: "a", help: "" },
  env: { type: "list", short: "e", help: "" },
  interactive: { type: "bool", short: "i", help: "" },
  memory: { type: "bytes", short: "m", help: "" },
  cpus: { type: "decimal", help: "" },
  last: { type: "int", short: "n", help: "" },
  proxy: { type: "bool", initially: true, help: "" },
  tty: { type: "bool", short: "t", help: "" },
  wait: { type: "duration", help: "" },
  network: { type: "string", also: ["net"], help: "" },
} as const satisfies FlagTable;

const parse = (...args: string[]) => parseFlags(TABLE, args);

describe("values", () => {
  test.each([
    [["-it"], { interactive: true, tty: true }],
    [["-eA=b"], { env: ["A=b"] }],
    [["-e", "A=b"], { env: ["A=b"] }],
    [["-e=A=b"], { env: ["A=b"] }],
    [["--env=A=b", "--env", "C=d"], { env: ["A=b", "C=d"] }],
    [["-ite", "X"], { interactive: true, tty: true, env: ["X"] }],
    [["--all=false"], { all: false }],
    [["-a=false"], { all: false }],
    [["--all", "--all=0"], { all: false }],
    [[], { proxy: true, all: false, env: [] }],
    [["-m", "512m"], { memory: 536870912 }],
    [["--cpus", "1.5"], { cpus: 1.5e9 }],
    [["-n3"], { last: 3 }],
    [["-n", "-1"], { last: -1 }],
    [["--wait", "1m30s"], { wait: 90e9 }],
    [["--net", "host"], { network: "host" }],
    [["--network", "a", "--network", "b"], { network: "b" }],
    [["-e", "--all"], { env: ["--all"], all: false }],
  ])("%j", (args, expected) => {
    expect(parse(...args).flags).toMatchObject(expected);
  });
});

describe("operands", () => {
  test("flags after operands count, unless the command runs a program", () => {
    expect(parse("x", "-a", "y").operands).toEqual(["x", "y"]);
    expect(parseFlags(TABLE, ["-a", "image", "-t", "--", "x"], true)).toMatchObject({
      flags: { all: true, tty: false },
      operands: ["image", "-t", "--", "x"],
    });
  });

  test("what follows -- is no flag, and a single dash is an operand", () => {
    expect(parse("-a", "--", "-t", "--foo").operands).toEqual(["-t", "--foo"]);
    expect(parse("-").operands).toEqual(["-"]);
  });

  test("which flags were given is known", () => {
    expect([...parse("-a=false", "x").given]).toEqual(["all"]);
  });
});

// Printed by the docker command 28.2.
describe("errors are pflag's", () => {
  test.each([
    [["--foo"], "unknown flag: --foo"],
    [["--foo=x"], "unknown flag: --foo"],
    [["-az"], "unknown shorthand flag: 'z' in -az"],
    [["-e"], "flag needs an argument: 'e' in -e"],
    [["--memory"], "flag needs an argument: --memory"],
    [["--memory", "abc"], `invalid argument "abc" for "-m, --memory" flag: invalid size: 'abc'`],
    [["--cpus", "abc"], `invalid argument "abc" for "--cpus" flag: failed to parse abc as a rational number`],
    [
      ["--all=foo"],
      `invalid argument "foo" for "-a, --all" flag: strconv.ParseBool: parsing "foo": invalid syntax`,
    ],
    [
      ["-nfoo"],
      `invalid argument "foo" for "-n, --last" flag: strconv.ParseInt: parsing "foo": invalid syntax`,
    ],
    [["--wait", "x"], `invalid argument "x" for "--wait" flag: time: invalid duration "x"`],
  ])("%j", (args, message) => {
    expect(() => parse(...args)).toThrow(message);
  });

  test("--help and a letter h that no flag has ask for help", () => {
    expect(() => parse("--help")).toThrow(HelpWanted);
    expect(() => parse("-ah")).toThrow(HelpWanted);
  });
});
