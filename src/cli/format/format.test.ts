import { describe, expect, test } from "bun:test";
import type { ContainerSummary, ImageSummary } from "../../spec/docker.ts";
import { CONTAINER_HEADINGS, containerRow } from "./containers.ts";
import { IMAGE_HEADINGS, imageRows } from "./images.ts";
import { formatRows } from "./rows.ts";
import { timestamp } from "./timestamp.ts";

const ID = "85f5a28e01c13d67702b59f91c784b513d3586a6b2034a883f8f1b71675656a9";

function container(fields: Partial<ContainerSummary>): ContainerSummary {
  return {
    Id: ID,
    Names: ["/c1", "/other/alias"],
    Image: "bb",
    ImageID: "sha256:06ee",
    Command: "echo hi",
    Created: Math.floor(Date.now() / 1000) - 480,
    Ports: [],
    Labels: { x: "y", foo: "bar" },
    State: "exited",
    Status: "Exited (0) 8 minutes ago",
    HostConfig: { NetworkMode: "none" },
    NetworkSettings: { Networks: {} },
    Mounts: [],
    ...fields,
  };
}

function show(fields: Partial<ContainerSummary>, format: string, whole = false): string {
  const rows = [containerRow(container(fields), whole)];
  return formatRows({ rows, headings: CONTAINER_HEADINGS, type: "*formatter.ContainerContext" }, format);
}

describe("containers, as docker ps shows them", () => {
  test.each([
    ["table {{.ID}}\\t{{.Names}}", "CONTAINER ID   NAMES\n85f5a28e01c1   c1\n"],
    ['table {{.Label "foo"}} {{.Labels}}', "foo LABELS\nbar foo=bar,x=y\n"],
    ["{{.ID}}\\t{{.Names}}\\n", "85f5a28e01c1\tc1\n\n"],
    [
      "{{.RunningFor}}|{{.Status}}|{{.State}}|{{.Command}}|{{.Size}}",
      '8 minutes ago|Exited (0) 8 minutes ago|exited|"echo hi"|0B\n',
    ],
    ['table {{upper .Names}} {{join (split .Names "1") "b"}}', "NAMES NAMES\nC1 cb\n"],
    ["{{.Platform}}", "<nil>\n"],
  ])("%s", (format, expected) => expect(show({}, format)).toBe(expected));

  test("fields in JSON are sorted, and what HTML would read is escaped", () => {
    const row = JSON.parse(show({ Command: "<a>" }, "json"));
    expect(Object.keys(row)).toEqual([...Object.keys(row)].sort());
    expect(show({ Command: "<a>" }, "{{json .}}")).toContain('"Command":"\\"\\u003ca\\u003e\\""');
  });

  test.each([
    [[{ PrivatePort: 80, Type: "tcp" }], "80/tcp"],
    [
      [
        { IP: "0.0.0.0", PublicPort: 8080, PrivatePort: 80, Type: "tcp" },
        { IP: "::", PublicPort: 8080, PrivatePort: 80, Type: "tcp" },
      ],
      "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp",
    ],
    [
      [
        { IP: "0.0.0.0", PublicPort: 3001, PrivatePort: 3001, Type: "tcp" },
        { IP: "0.0.0.0", PublicPort: 3000, PrivatePort: 3000, Type: "tcp" },
        { PrivatePort: 90, Type: "udp" },
      ],
      "90/udp, 0.0.0.0:3000-3001->3000-3001/tcp",
    ],
  ])("ports %j are shown as %s", (Ports, expected) =>
    expect(show({ Ports }, "{{.Ports}}")).toBe(`${expected}\n`),
  );

  test("long commands and the IDs of nameless images are cut, unless nothing is to be left out", () => {
    const fields = { Command: "sleep 100000000000000000000", Image: `sha256:${ID}` };
    expect(show(fields, "{{.Command}} {{.Image}}")).toBe('"sleep 1000000000000…" 85f5a28e01c1\n');
    expect(show(fields, "{{.Command}} {{.Image}}", true)).toBe(
      `"sleep 100000000000000000000" sha256:${ID}\n`,
    );
  });

  test("errors are docker's", () => {
    expect(() => show({}, "{{.Foo}}")).toThrow(
      'failed to execute template: template: :1:2: executing "" at <.Foo>: can\'t evaluate field Foo in type *formatter.ContainerContext',
    );
    expect(() => show({}, "{{.ID")).toThrow("failed to parse template: template: :1: unclosed action");
  });
});

describe("images", () => {
  const image: ImageSummary = {
    Id: `sha256:${ID}`,
    ParentId: "",
    RepoTags: ["bb:latest", "localhost:5000/bb:1"],
    RepoDigests: ["bb@sha256:aa"],
    Created: 0,
    Size: 1982415,
    SharedSize: -1,
    Labels: null,
    Containers: -1,
  };
  const list = (fields: Partial<ImageSummary>, digests = false) =>
    formatRows(
      {
        rows: imageRows({ ...image, ...fields }, { whole: false, digests }),
        headings: IMAGE_HEADINGS,
        type: "*formatter.imageContext",
      },
      "{{.Repository}} {{.Tag}} {{.Digest}} {{.ID}} {{.Size}}",
    );

  test("each name has a row", () => {
    expect(list({})).toBe(
      "bb latest <none> 85f5a28e01c1 1.98MB\nlocalhost:5000/bb 1 <none> 85f5a28e01c1 1.98MB\n",
    );
  });

  test("digests stand beside the names of their repository", () => {
    expect(list({}, true)).toStartWith("bb latest sha256:aa ");
  });

  test("an image without a name has one row", () => {
    expect(list({ RepoTags: [], RepoDigests: [] })).toBe("<none> <none> <none> 85f5a28e01c1 1.98MB\n");
    expect(list({ RepoTags: ["<none>:<none>"], RepoDigests: ["<none>@<none>"] })).toBe(
      "<none> <none> <none> 85f5a28e01c1 1.98MB\n",
    );
  });
});

describe("times of --since and --until", () => {
  test.each([
    ["1136073845", "1136073845"],
    ["1136073845.000000001", "1136073845.000000001"],
    ["2006-01-02T15:04:05Z", "1136214245.000000000"],
    ["2006-01-02T15:04:05.999999999Z", "1136214245.999999999"],
    ["2006-01-02T15:04:05+01:00", "1136210645.000000000"],
  ])("%s is %s", (text, expected) => expect(timestamp("since", text)).toBe(expected));

  test("a span is counted from now", () => {
    const got = Number(timestamp("since", "1m30s"));
    expect(Math.abs(got - (Date.now() / 1000 - 90))).toBeLessThan(5);
  });

  test("a date without a zone is ours", () => {
    expect(timestamp("since", "2006-01-02")).toBe(`${new Date(2006, 0, 2).getTime() / 1000}.000000000`);
  });

  test("anything else is refused", () =>
    expect(() => timestamp("since", "xyz")).toThrow('invalid value for "since"'));
});
