import { describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { parseFlags } from "../flags.ts";
import { createRequest, streamsOf } from "./config.ts";
import { CREATE_FLAGS } from "./flags.ts";

function request(...args: string[]) {
  const call = parseFlags(CREATE_FLAGS, args, true);
  return createRequest(call, streamsOf(call.flags));
}

// What the docker command 28.2 sends for these flags, as far as it differs from what it sends without flags.
test("flags become the fields that docker makes of them", async () => {
  const got = await request(
    ..."--rm --network none -v /tmp:/t:ro -v vol1:/v -v /anon -p 8080:80 -p 127.0.0.1::90/udp -p 3000-3001:3000-3001".split(
      " ",
    ),
    ..."--expose 99 --mount type=bind,src=/tmp,dst=/m,readonly --mount type=tmpfs,dst=/tt,tmpfs-size=1m".split(
      " ",
    ),
    ..."--mount type=volume,src=vol2,dst=/vv --ulimit nofile=10:20 -m 512m --cpus 1.5 -e A=1 -l q -l w=e".split(
      " ",
    ),
    ..."--restart no --tmpfs /tmpf:size=1m --device /dev/null --cap-add net_admin --dns 1.1.1.1".split(" "),
    ..."--security-opt no-new-privileges --add-host a:1.2.3.4 --pids-limit 100 --shm-size 1m".split(" "),
    ..."--sysctl net.ipv4.ip_forward=1 --log-opt max-size=1m --health-cmd true --health-interval 5s".split(
      " ",
    ),
    ..."--stop-timeout 3 --memory-swap -1 --init --entrypoint /bin/sh bb -c".split(" "),
    "echo hi",
  );
  expect(got).toEqual({
    AttachStdin: false,
    AttachStdout: true,
    AttachStderr: true,
    ExposedPorts: { "3000/tcp": {}, "3001/tcp": {}, "80/tcp": {}, "90/udp": {}, "99/tcp": {} },
    Tty: false,
    OpenStdin: false,
    StdinOnce: false,
    Env: ["A=1"],
    Cmd: ["-c", "echo hi"],
    Healthcheck: { Test: ["CMD-SHELL", "true"], Interval: 5e9 },
    Image: "bb",
    Volumes: { "/anon": {} },
    Entrypoint: ["/bin/sh"],
    Labels: { q: "", w: "e" },
    StopTimeout: 3,
    HostConfig: {
      Binds: ["/tmp:/t:ro", "vol1:/v"],
      LogConfig: { Type: "", Config: { "max-size": "1m" } },
      NetworkMode: "none",
      PortBindings: {
        "3000/tcp": [{ HostIp: "", HostPort: "3000" }],
        "3001/tcp": [{ HostIp: "", HostPort: "3001" }],
        "80/tcp": [{ HostIp: "", HostPort: "8080" }],
        "90/udp": [{ HostIp: "127.0.0.1", HostPort: "" }],
      },
      RestartPolicy: { Name: "no", MaximumRetryCount: 0 },
      AutoRemove: true,
      CapAdd: ["CAP_NET_ADMIN"],
      Dns: ["1.1.1.1"],
      ...{ DnsOptions: [], DnsSearch: [], BlkioWeightDevice: [], BlkioDeviceReadBps: [] },
      ...{ BlkioDeviceWriteBps: [], BlkioDeviceReadIOps: [], BlkioDeviceWriteIOps: [] },
      ExtraHosts: ["a:1.2.3.4"],
      Privileged: false,
      PublishAllPorts: false,
      ReadonlyRootfs: false,
      SecurityOpt: ["no-new-privileges"],
      Tmpfs: { "/tmpf": "size=1m" },
      ShmSize: 1048576,
      Sysctls: { "net.ipv4.ip_forward": "1" },
      Memory: 536870912,
      NanoCpus: 1.5e9,
      Devices: [{ PathOnHost: "/dev/null", PathInContainer: "/dev/null", CgroupPermissions: "rwm" }],
      MemorySwap: -1,
      PidsLimit: 100,
      Ulimits: [{ Name: "nofile", Hard: 20, Soft: 10 }],
      Mounts: [
        { Type: "bind", Source: "/tmp", Target: "/m", ReadOnly: true },
        { Type: "tmpfs", Target: "/tt", TmpfsOptions: { SizeBytes: 1048576 } },
        { Type: "volume", Source: "vol2", Target: "/vv" },
      ],
      Init: true,
    },
    NetworkingConfig: { EndpointsConfig: {} },
  });
});

describe("streams", () => {
  test("-i opens standard input, attached to once", async () => {
    expect(await request("-i", "bb")).toMatchObject({ AttachStdin: true, OpenStdin: true, StdinOnce: true });
  });

  test("-a leaves the other streams alone", async () => {
    expect(await request("-a", "STDERR", "bb")).toMatchObject({
      AttachStdin: false,
      AttachStdout: false,
      AttachStderr: true,
    });
  });
});

test("an empty --entrypoint takes the image's away", async () => {
  expect((await request("--entrypoint", "", "bb", "true")).Entrypoint).toEqual([""]);
});

test("a network's address, aliases and link-local address belong to its endpoint", async () => {
  expect(
    await request("--network", "n", "--ip", "10.0.0.2", "--network-alias", "web", "--net-alias", "w", "bb"),
  ).toMatchObject({
    HostConfig: { NetworkMode: "n" },
    NetworkingConfig: {
      EndpointsConfig: { n: { IPAMConfig: { IPv4Address: "10.0.0.2" }, Aliases: ["web", "w"] } },
    },
  });
  expect(await request("--network", "name=n,alias=web,ip=10.0.0.3", "bb")).toMatchObject({
    HostConfig: { NetworkMode: "n" },
    NetworkingConfig: {
      EndpointsConfig: { n: { IPAMConfig: { IPv4Address: "10.0.0.3" }, Aliases: ["web"] } },
    },
  });
});

test("files of variables and labels: comments are left out, names alone pass ours on, flags come last", async () => {
  const directory = await mkdtemp("/tmp/fathom-test-cli-");
  try {
    await Bun.write(`${directory}/env`, "# comment\n\nA=1\nHOME\nNOT_THERE_AT_ALL\n  B= two words \n");
    const got = await request(
      "--env-file",
      `${directory}/env`,
      "-e",
      "A=2",
      "--label-file",
      `${directory}/env`,
      "bb",
    );
    expect(got.Env).toEqual(["A=1", `HOME=${process.env.HOME}`, "B= two words ", "A=2"]);
    expect(got.Labels).toEqual({ A: "1", B: " two words " });
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("a relative bind is resolved here, where the daemon cannot know our directory", async () => {
  const { HostConfig } = await request(
    "-v",
    "./a b/../c:/c",
    "-v",
    ".:/here",
    "--mount",
    "type=bind,src=./x,dst=/x",
    "bb",
  );
  expect(HostConfig?.Binds).toEqual([`${process.cwd()}/c:/c`, `${process.cwd()}:/here`]);
  expect(HostConfig?.Mounts?.[0]?.Source).toBe(`${process.cwd()}/x`);
});

describe("what can be seen to be wrong is refused in docker's words", () => {
  test.each([
    [["--rm", "--restart", "always", "bb"], "conflicting options: cannot specify both --restart and --rm"],
    [["-p", "xx", "bb"], "invalid containerPort: xx"],
    [["-p", "1-2:3-5", "bb"], "invalid ranges specified for container and host Ports"],
    [["-p", "a.b:1:2", "bb"], "invalid IP address: a.b"],
    [["-p", "80/foo", "bb"], "invalid proto: foo"],
    [["-p", "70000", "bb"], "invalid containerPort: 70000"],
    [
      ["--expose", "foo", "bb"],
      'invalid range format for --expose: foo, error: strconv.ParseUint: parsing "foo": invalid syntax',
    ],
    [
      ["--mount", "foo", "bb"],
      `invalid argument "foo" for "--mount" flag: invalid field 'foo' must be a key=value pair`,
    ],
    [["--mount", "dst=/x,foo=bar", "bb"], "unexpected key 'foo' in 'foo=bar'"],
    [["--mount", "type=bind,src=/x", "bb"], "target is required"],
    [
      ["--mount", "type=bind,dst=/x,tmpfs-size=1", "bb"],
      "cannot mix 'tmpfs-*' options with mount type 'bind'",
    ],
    [
      ["--ulimit", "nofile=20:10", "bb"],
      "ulimit soft limit must be less than or equal to hard limit: 20 > 10",
    ],
    [["--ulimit", "foo", "bb"], "invalid ulimit argument: foo"],
    [["--add-host", "foo", "bb"], 'bad format for add-host: "foo"'],
    [["--dns", "foo", "bb"], "IP address is not correctly formatted: foo"],
    [["--dns", "1.2.3", "bb"], "IP address is not correctly formatted: 1.2.3"],
    [["--sysctl", "vm.swappiness=1", "bb"], "sysctl 'vm.swappiness=1' is not allowed"],
    [["--device", "a:b:c:d", "bb"], "bad format for path: a:b:c:d"],
    [["--health-cmd", "x", "--no-healthcheck", "bb"], "--no-healthcheck conflicts with --health-* options"],
    [["--memory-swappiness", "200", "bb"], "invalid value: 200. Valid memory swappiness range is 0-100"],
    [["--pid", "foo", "bb"], "--pid: invalid PID mode"],
    [["--env-file", "/nonexistent", "bb"], "open /nonexistent: no such file or directory"],
    [["--env-file", "/tmp", "bb"], "invalid env file (/tmp): read /tmp: is a directory"],
    [["--gpus", "all", "bb"], "Fathom does not have this yet"],
  ])("%j", async (args, message) => {
    await expect((async () => await request(...args))()).rejects.toThrow(message);
  });
});
