import { describe, expect, test } from "bun:test";
import type { Isolation } from "../../spec/isolation.ts";
import { unusual } from "./unusual.ts";

const PLAIN: Omit<Isolation, "Unusual"> = {
  Id: "f".repeat(64),
  Name: "plain",
  Pid: 7,
  Running: true,
  Namespaces: [
    { Type: "network", Sharing: "own", With: [] },
    { Type: "users", Sharing: "host", With: [] },
    { Type: "control groups", Sharing: "host", With: [] },
  ],
  User: { Name: "root", Uid: 0, HostUid: 0 },
  Capabilities: { Had: ["CAP_CHOWN"], Denied: [], Unusual: [], Missing: [] },
  Seccomp: true,
  NoNewPrivileges: false,
  Privileged: false,
  Devices: [],
  ReadonlyRootfs: false,
  WritableMounts: [{ Source: "/srv/data", Destination: "/data" }],
  HiddenPaths: 5,
  ReadonlyPaths: 5,
  Limits: { Memory: 0, Cpus: 0, Pids: 0 },
};

describe("what is unusual", () => {
  test("about a container with the defaults is nothing", () => expect(unusual(PLAIN)).toEqual([]));

  const cases: [string, Partial<Isolation>, string][] = [
    [
      "a namespace of the host",
      { Namespaces: [{ Type: "network", Sharing: "host", With: [] }] },
      "It has the host's network.",
    ],
    [
      "one that is shared",
      { Namespaces: [{ Type: "processes", Sharing: "shared", With: ["a", "b"] }] },
      "It shares its processes with a, b.",
    ],
    ["no filter", { Seccomp: false }, "No system call is refused to it: it has no seccomp filter."],
    ["every device", { Devices: ["/dev/sda"] }, "It may use devices of the host: /dev/sda."],
    [
      "the engine's socket",
      { WritableMounts: [{ Source: "/run/fathom.sock", Destination: "/s" }] },
      "It may speak to whoever listens at /run/fathom.sock of the host, by way of /s.",
    ],
    [
      "the host's settings",
      { WritableMounts: [{ Source: "/etc", Destination: "/e" }] },
      "It may write to /etc of the host, by way of /e.",
    ],
    [
      "users of its own",
      { User: { Name: "root", Uid: 0, HostUid: 100_000 } },
      "Its user 0 is user 100000 on the host, who has no power there.",
    ],
    ["less than the default", { ReadonlyRootfs: true }, "Its root file system is read-only."],
  ];
  test.each(cases)("is %s", (_, change, sentence) => {
    expect(unusual({ ...PLAIN, ...change })).toEqual([sentence]);
  });

  test("is not a volume, wherever the engine keeps it", () => {
    const WritableMounts = [{ Source: "/var/lib/fathom/volumes/db/_data", Destination: "/db" }];
    expect(unusual({ ...PLAIN, WritableMounts })).toEqual([]);
  });
});
