import { describe, expect, test } from "bun:test";
import { execute, type Functions, nilSlice, parseTemplate, toJson, type Value } from "./mod.ts";

// Every expectation here was printed by `docker inspect --format` 28.2 for a container of this shape.
const data: Value = {
  Name: "/c1",
  RestartCount: 0,
  Args: ["hi"],
  State: { Status: "created", Running: false, ExitCode: 0 },
  Config: {
    Env: ["A=b"],
    Labels: new Map([
      ["x", "y"],
      ["foo", "bar"],
    ]),
    Volumes: new Map(),
  },
  HostConfig: { Binds: nilSlice, MemorySwappiness: null },
  NetworkSettings: {
    Ports: new Map<string, Value>([["80/tcp", [{ HostIp: "0.0.0.0", HostPort: "8080" }]]]),
    Networks: new Map<string, Value>([["none", { IPAddress: "" }]]),
  },
};

const functions: Functions = {
  json: (value) => toJson(value),
  upper: (value) => String(value).toUpperCase(),
  join: (list, separator) => (Array.isArray(list) ? list.join(String(separator)) : ""),
};

function run(source: string): string {
  return execute(parseTemplate(source, functions), data, { functions, optionalFields: new Set(["Health"]) });
}

describe("what docker inspect prints, the template language prints", () => {
  test.each([
    ["{{.Name}}", "/c1"],
    ["{{json .State}}", '{"Status":"created","Running":false,"ExitCode":0}'],
    ["{{.Config.Labels}}", "map[foo:bar x:y]"],
    ["{{.Config.Env}}", "[A=b]"],
    ["{{.State}}", "{created false 0}"],
    ["{{.HostConfig.Binds}}", "[]"],
    ["{{json .HostConfig.Binds}}", "null"],
    ["{{.HostConfig.MemorySwappiness}}", "<nil>"],
    ["{{range $k,$v := .Config.Labels}}{{$k}}={{$v}};{{end}}", "foo=bar;x=y;"],
    ['{{index .Config.Labels "foo"}}', "bar"],
    ['{{index .Config.Labels "zip"}}', ""],
    ["{{.Config.Labels.foo}}", "bar"],
    ["{{.Config.Labels.zip}}", "<no value>"],
    ["{{.NetworkSettings.Networks.foo.Gateway}}", "<no value>"],
    ["{{json .Config.Labels.zip}}", "null"],
    ['{{printf "%v" .Config.Labels.zip}}', "<nil>"],
    ['{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}', "8080"],
    [
      "{{range $p, $c := .NetworkSettings.Ports}}{{$p}} -> {{(index $c 0).HostPort}}{{end}}",
      "80/tcp -> 8080",
    ],
    ["{{len .Config.Env}}", "1"],
    ['{{if .State.Running}}yes{{else if eq .Name "/c1"}}name{{else}}no{{end}}', "name"],
    ["{{with .State}}{{.Status}}{{end}}", "created"],
    ["{{with .Config.Volumes}}x{{else}}none{{end}}", "none"],
    ["{{if .State.Health}}x{{end}}{{.State.Health}}", "<nil>"],
    ['{{println "a" 1 "b"}}', "a 1 b\n"],
    ['{{print "a" 1 2 "b"}}', "a1 2b"],
    ['{{eq 1 1}} {{ne 1 2}} {{lt 1 2}} {{and 1 0}} {{or 0 "x"}} {{not true}}', "true true true 0 x false"],
    ["{{eq 1 1 2}}", "true"],
    ["{{slice .Name 1}} {{slice .Name 1 2}}", "c1 c"],
    ["{{/* c */}}x", "x"],
    ["a {{- .Name -}} b", "a/c1b"],
    ["a {{-  .Name  -}}\n b", "a/c1b"],
    ['{{.Name | printf "%s-%s" "x"}}', "x-/c1"],
    ['{{"x" | upper | printf "%s%s" "q"}}', "qX"],
    ["{{$x := 1}}{{$x}}", "1"],
    ["{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}", "2"],
    ["{{range .Config.Env}}{{.}}{{$.Name}}{{else}}none{{end}}", "A=b/c1"],
    ["{{range $i, $e := .Config.Env}}{{if $i}},{{end}}{{$e}}{{break}}{{end}}", "A=b"],
    ["{{range 3}}{{.}}{{end}}", "012"],
    ['{{define "x"}}y{{.}}{{end}}{{template "x" 3}}', "y3"],
    ['{{block "x" .Name}}[{{.}}]{{end}}', "[/c1]"],
    ['{{.Args}} {{join .Args " "}}', "[hi] hi"],
    ["{{`raw`}} {{\"a\\tb\"}} {{0x10}} {{1.5}} {{'a'}}", "raw a\tb 16 1.5 97"],
    ['{{js "<a>\\""}} {{html "<a>&"}} {{urlquery "a b"}}', '\\u003Ca\\u003E\\" &lt;a&gt;&amp; a+b'],
  ])("%s", (source, expected) => {
    expect(run(source)).toBe(expected);
  });
});

describe("printf formats as Go's fmt", () => {
  test.each([
    [
      '{{printf "%s|%10s|%-10s|%d|%v|%q|%t|%x" "n" "a" "b" 3 true "q\\"" true 255}}',
      'n|         a|b         |3|true|"q\\""|true|ff',
    ],
    ['{{printf "%5d|%-5d|%05d" 3 4 5}}', "    3|4    |00005"],
    ['{{printf "%.2s" "abc"}} {{printf "%.1f" 1.24}} {{printf "%5.1f%%" 99.5}}', "ab 1.2  99.5%"],
    ['{{printf "%v %q" .Config.Env .Config.Env}}', '[A=b] ["A=b"]'],
    ['{{printf "%+v" .State}}', "{Status:created Running:false ExitCode:0}"],
    ['{{printf "%T" .Name}}', "string"],
    ['{{printf "%d" "x"}}', "%!d(string=x)"],
    ['{{printf "%s" 3}}', "%!s(int=3)"],
    ['{{printf "%d"}}', "%!d(MISSING)"],
    ['{{printf "x" 3}}', "x%!(EXTRA int=3)"],
  ])("%s", (source, expected) => {
    expect(run(source)).toBe(expected);
  });
});

describe("errors are Go's sentences", () => {
  test.each([
    ["{{.Nope}}", '1:2: executing "" at <.Nope>: map has no entry for key "Nope"'],
    ["{{.State.Nope}}", '1:8: executing "" at <.State.Nope>: map has no entry for key "Nope"'],
    ["{{.constructor}}", '1:2: executing "" at <.constructor>: map has no entry for key "constructor"'],
    [
      "{{index .Config.Env 99}}",
      '1:2: executing "" at <index .Config.Env 99>: error calling index: index out of range: 99',
    ],
    ["{{range .Name}}x{{end}}", '1:8: executing "" at <.Name>: range can\'t iterate over /c1'],
    [
      "{{eq .Name 1}}",
      '1:2: executing "" at <eq .Name 1>: error calling eq: incompatible types for comparison',
    ],
    ["{{len 3}}", '1:2: executing "" at <len 3>: error calling len: len of type int'],
    [
      '{{index .Config.Env "x"}}',
      '1:2: executing "" at <index .Config.Env "x">: error calling index: cannot index slice/array with type string',
    ],
    ["{{not}}", '1:2: executing "" at <not>: wrong number of args for not: want 1 got 0'],
    ["{{.Name .Args}}", '1:2: executing "" at <.Name>: Name is not a method but has arguments'],
    ["{{1 2}}", '1:2: executing "" at <1>: can\'t give argument to non-function 1'],
    ["{{printf 3}}", '1:9: executing "" at <3>: expected string; found 3'],
    ["{{nil}}", '1:2: executing "" at <nil>: nil is not a command'],
    ['{{template "q"}}', '1:11: executing "" at <{{template "q"}}>: template "q" not defined'],
    ["{{.Name", "1: unclosed action"],
    ["{{foo}}", '1: function "foo" not defined'],
    ["{{end}}", "1: unexpected {{end}}"],
    ["{{else}}", "1: unexpected {{else}}"],
    ["{{if}}", "1: missing value for if"],
    ["{{if .Name}}", "1: unexpected EOF"],
    ["{{if 1}}a{{else}}b{{else}}c{{end}}", "1: expected end; found {{else}}"],
    ["{{$y}}", '1: undefined variable "$y"'],
    ["a\n{{break}}", "2: {{break}} outside {{range}}"],
    ['{{"a', "1: unterminated quoted string"],
  ])("%s", (source, expected) => {
    expect(() => run(source)).toThrow(`template: :${expected}`);
  });

  test("templates that call themselves stop at a depth", () => {
    expect(() => run('{{define "x"}}{{template "x"}}{{end}}{{template "x"}}')).toThrow(
      "maximum template depth",
    );
  });
});
