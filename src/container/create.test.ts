import { describe, expect, test } from "bun:test";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ContainerCreateRequest, HostConfig } from "../spec/docker.ts";
import { kindOf, messageOf } from "../std/errors.ts";
import { type FakeEngine, fakeEngine, onDisk } from "./_fakes.ts";

async function refusal(fake: FakeEngine, request: ContainerCreateRequest, name?: string): Promise<string> {
  const made = fake.engine.containers.create({ Image: "bb", ...request }, name === undefined ? {} : { name });
  return made.then(
    () => "made",
    (error) => `${kindOf(error)}: ${messageOf(error)}`,
  );
}

const RANGE = "invalid: Range of CPUs is from 0.01 to";

describe("refused, in Docker's words where Docker has some:", () => {
  const cases: [string, ContainerCreateRequest, string][] = [
    ["an unknown image", { Image: "nope" }, "not-found: No such image: nope:latest"],
    ["no command", { Entrypoint: [""] }, "invalid: No command specified"],
    [
      "a relative directory",
      { WorkingDir: "x" },
      "invalid: the working directory 'x' is invalid, it needs to be an absolute path",
    ],
    ["a signal that is none", { StopSignal: "FOO" }, "invalid: Invalid signal: FOO"],
    ["a variable without a name", { Env: ["=x"] }, "invalid: invalid environment variable: =x"],
    [
      "a volume at no absolute path",
      { Volumes: { v: {} } },
      "invalid: invalid mount path: 'v' mount path must be absolute",
    ],
  ];
  const hosts: [string, HostConfig, string][] = [
    [
      "a capability nobody knows",
      { CapAdd: ["FOO"] },
      'invalid: invalid CapAdd: unknown capability: "CAP_FOO"',
    ],
    [
      "a security option nobody knows",
      { SecurityOpt: ["foo=1"] },
      'invalid: invalid --security-opt 2: "foo=1"',
    ],
    ["a profile that is none", { SecurityOpt: ["seccomp={"] }, "invalid: Decoding seccomp profile failed"],
    ["more processors than there are", { NanoCpus: 9e12 }, RANGE],
    ["too little memory", { Memory: 1024 }, "invalid: Minimum memory limit allowed is 6MB"],
    [
      "swap below memory",
      { Memory: 2e7, MemorySwap: 1e7 },
      "invalid: Minimum memoryswap limit should be larger",
    ],
    ["the network of nobody", { NetworkMode: "container:nope" }, "invalid: No such container: nope"],
    [
      "a port that is none",
      { PortBindings: { "80x/tcp": null } },
      'invalid: invalid port specification: "80x"',
    ],
    ["a volume that cannot be made", { Binds: ["bad:/x"] }, "invalid: create bad: no such driver"],
    ["volumes of nobody", { VolumesFrom: ["nobody"] }, "invalid: No such container: nobody"],
    [
      "a relative destination",
      { Binds: ["/a:b"] },
      "invalid: invalid volume specification: '/a:b': invalid mount config for type \"bind\": invalid mount path: 'b' mount path must be absolute",
    ],
    ["a mount over the root", { Binds: ["/a:/"] }, "invalid: invalid volume specification"],
    ["a mode nobody knows", { Binds: ["/a:/b:xx"] }, "invalid: invalid mode: xx"],
    ["two mounts in one place", { Binds: ["/a:/x", "/b:/x/"] }, "invalid: Duplicate mount point: /x"],
    [
      "a bind whose source is missing",
      { Mounts: [{ Type: "bind", Source: "/nonexistent-fathom", Target: "/y" }] },
      'invalid: invalid mount config for type "bind": bind source path does not exist: /nonexistent-fathom',
    ],
    [
      "a relative tmpfs",
      { Tmpfs: { relative: "" } },
      "invalid: invalid mount path: 'relative' mount path must be absolute",
    ],
    ["a tmpfs option nobody knows", { Tmpfs: { "/x": "foo" } }, 'invalid: Invalid tmpfs option ["foo"]'],
    [
      "--rm with a restart policy",
      { AutoRemove: true, RestartPolicy: { Name: "always" } },
      "invalid: can't create 'AutoRemove' container with restart policy",
    ],
    [
      "a restart policy nobody knows",
      { RestartPolicy: { Name: "often" } },
      "invalid: invalid restart policy: unknown policy 'often'",
    ],
    ["a runtime nobody knows", { Runtime: "nope" }, "invalid: unknown or invalid runtime name: nope"],
    [
      "a log driver nobody knows",
      { LogConfig: { Type: "nope" } },
      'invalid: error looking up logging plugin nope: plugin "nope" not found',
    ],
    [
      "a log option nobody knows",
      { LogConfig: { Type: "json-file", Config: { x: "1" } } },
      "invalid: unknown log opt 'x' for json-file log driver",
    ],
    [
      "the shared memory of a container that there is none of",
      { IpcMode: "container:x" },
      "invalid: No such container: x",
    ],
    [
      "a sysctl of the host",
      { Sysctls: { "vm.swappiness": "1" } },
      "invalid: sysctl 'vm.swappiness' is not allowed",
    ],
    [
      "a network sysctl on the host's network",
      { NetworkMode: "host", Sysctls: { "net.core.somaxconn": "1" } },
      "invalid: sysctl 'net.core.somaxconn' not allowed in host network namespace",
    ],
    [
      "a limit nobody knows",
      { Ulimits: [{ Name: "foo", Soft: 1, Hard: 1 }] },
      "invalid: invalid ulimit type: foo",
    ],
    [
      "a soft limit above the hard one",
      { Ulimits: [{ Name: "nofile", Soft: 2, Hard: 1 }] },
      "invalid: ulimit soft limit must be less than or equal to hard limit: 2 > 1",
    ],
    [
      "a device rule that is none",
      { DeviceCgroupRules: ["c x rwm"] },
      'invalid: invalid device cgroup format "c x rwm"',
    ],
  ];
  const all = [...cases, ...hosts.map(([what, HostConfig, why]) => [what, { HostConfig }, why] as const)];

  test.each(all)("%s", async (_, request, sentence) => {
    await using fake = await fakeEngine();
    expect(await refusal(fake, request)).toStartWith(sentence);
    expect(await readdir(fake.root)).toEqual([]);
    expect(fake.prepared.size).toBe(0);
  });

  test.each(["e_8!", "x", "-a", "a/b", "../x"])("the name %s", async (name) => {
    await using fake = await fakeEngine();
    expect(await refusal(fake, {}, name)).toBe(
      `invalid: Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
    );
  });

  test("a host name together with the host's UTS namespace or another's network", async () => {
    await using fake = await fakeEngine();
    expect(await refusal(fake, { Hostname: "x", HostConfig: { UTSMode: "host" } })).toBe(
      "invalid: conflicting options: hostname and the UTS mode",
    );
    expect(await refusal(fake, { Hostname: "x", HostConfig: { NetworkMode: "container:y" } })).toBe(
      "invalid: conflicting options: hostname and the network mode",
    );
  });
});

describe("a container that is made", () => {
  const make = async (fake: FakeEngine, request: ContainerCreateRequest = {}) => {
    const made = await fake.engine.containers.create({ Image: "bb", ...request }, {});
    return { ...made, shown: await fake.engine.containers.inspect(made.Id, { size: false }) };
  };

  test("has a name and an ID of its own, and a directory that only root reads", async () => {
    await using fake = await fakeEngine();
    const { Id, shown } = await make(fake);
    expect(Id).toMatch(/^[0-9a-f]{64}$/);
    expect(shown.Name).toMatch(/^\/[a-z]+_[a-z]+$/);
    expect((await readdir(join(fake.root, Id))).sort()).toEqual(
      ["config.json", "hostconfig.json", "hostname", "hosts", "resolv.conf", "rw", "state.json"].sort(),
    );
    expect(await readFile(join(fake.root, Id, "hostname"), "utf8")).toBe(`${Id.slice(0, 12)}\n`);
    expect(await onDisk(fake, Id, "state.json")).toMatchObject({ Status: "created" });
  });

  test("takes the image's command and environment unless it has its own", async () => {
    await using fake = await fakeEngine();
    fake.image = {
      ...fake.image,
      config: { Entrypoint: ["/e"], Cmd: ["c"], Env: ["A=1", "B=2"], User: "alice", StopSignal: "SIGINT" },
    };
    const plain = (await make(fake)).shown;
    expect([plain.Path, plain.Args, plain.Config.User, plain.Config.StopSignal]).toEqual([
      "/e",
      ["c"],
      "alice",
      "SIGINT",
    ]);
    const own = (await make(fake, { Cmd: ["x"], Env: ["B=3"] })).shown;
    expect([own.Path, own.Args, own.Config.Env]).toEqual(["/e", ["x"], ["B=3", "A=1"]]);
    const replaced = (await make(fake, { Entrypoint: ["/o"] })).shown;
    expect([replaced.Path, replaced.Args]).toEqual(["/o", []]);
  });

  test("keeps the ID of a container whose network it shares, and that one's host name", async () => {
    await using fake = await fakeEngine();
    const other = await fake.engine.containers.create({ Image: "bb", Hostname: "front" }, { name: "other" });
    const { shown } = await make(fake, { HostConfig: { NetworkMode: "container:other" } });
    expect(shown.HostConfig.NetworkMode).toBe(`container:${other.Id}`);
    expect(shown.Config.Hostname).toBe("front");
  });

  test("leaves nothing when its snapshot cannot be made", async () => {
    await using fake = await fakeEngine();
    fake.options.images.prepare = () => Promise.reject(new Error("disk full"));
    expect(await refusal(fake, {}, "web")).toBe("internal: disk full");
    expect(await readdir(fake.root)).toEqual([]);
    fake.options.images.prepare = async () => undefined;
    expect(await refusal(fake, {}, "web")).toBe("made");
  });

  test("has the resolver and the hosts that it asks for", async () => {
    await using fake = await fakeEngine();
    const { Id } = await make(fake, {
      HostConfig: {
        Dns: ["10.0.0.1"],
        DnsSearch: ["."],
        DnsOptions: ["ndots:1"],
        ExtraHosts: ["db:10.0.0.2"],
      },
    });
    expect(await readFile(join(fake.root, Id, "resolv.conf"), "utf8")).toBe(
      "nameserver 10.0.0.1\noptions ndots:1\n",
    );
    expect(await readFile(join(fake.root, Id, "hosts"), "utf8")).toEndWith("10.0.0.2\tdb\n");
  });
});
