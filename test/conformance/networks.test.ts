/**
 * Networks of one's own from the command line. With TEST_ENGINE=docker the private dockerd has a network namespace of its own, as in
 * network.test.ts. Every subnet that is named here is of 10.32.0.0/16.
 */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { type Engine, eventually, startEngine } from "../harness/mod.ts";
import { CLIENTS, ON_DOCKER } from "./client.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine({ bridged: true });
});
afterEach(async () => {
  await engine.removeContainers();
  await engine.request("POST", "/networks/prune");
});
afterAll(() => engine[Symbol.asyncDispose]());

interface Endpoint {
  IPAddress: string;
  IPPrefixLen: number;
  Gateway: string;
  GlobalIPv6Address: string;
  MacAddress: string;
  NetworkID: string;
  Aliases: string[] | null;
  IPAMConfig: Record<string, string> | null;
  DriverOpts: Record<string, string> | null;
}

describe.each(CLIENTS)("%s", (client) => {
  const output = (args: string[]) => engine.output(client, args);
  const command = (args: string[]) => engine.command(client, args);
  const networkMade = (...args: string[]) => output(["network", "create", ...args]);
  const started = (name: string, ...args: string[]) =>
    output(["run", "-d", "--name", name, ...args, "busybox", "sleep", "100"]);
  const networksOf = async (name: string) =>
    JSON.parse(await output(["inspect", "-f", "{{json .NetworkSettings.Networks}}", name])) as Record<
      string,
      Endpoint
    >;
  const inspected = async (name: string) => JSON.parse(await output(["network", "inspect", name]))[0];
  const refused = async (...args: string[]) => {
    const { status, stderr } = await command(["network", ...args]);
    expect(status).not.toBe(0);
    return stderr;
  };
  const pings = async (from: string, to: string) =>
    (await command(["exec", from, "ping", "-c1", "-W1", to])).status === 0;
  const routes = (name: string) => output(["exec", name, "ip", "route"]);

  test("a network is made, shown, listed and removed", async () => {
    const id = await networkMade("--label", "tier=front", "--attachable", "-o", "some=thing", "front");
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(await inspected("front")).toMatchObject({
      Name: "front",
      Id: id,
      Scope: "local",
      Driver: "bridge",
      EnableIPv6: false,
      Internal: false,
      Attachable: true,
      Ingress: false,
      ConfigOnly: false,
      Containers: {},
      Labels: { tier: "front" },
      Options: { some: "thing" },
    });
    const listed = async (filter: string) =>
      output(["network", "ls", "--filter", filter, "--format", "{{.Name}}"]);
    for (const filter of [
      "label=tier",
      "label=tier=front",
      "name=fro",
      "type=custom",
      `id=${id.slice(0, 9)}`,
    ])
      expect([filter, await listed(filter)]).toEqual([filter, "front"]);
    expect(await listed("dangling=true")).toBe("front");
    expect((await listed("driver=bridge")).split("\n").sort()).toEqual(["bridge", "front"]);
    expect((await listed("scope=local")).split("\n")).toContain("front");
    expect(await output(["network", "rm", "front"])).toBe("front");
    expect(await refused("inspect", "front")).toContain("network front not found");
  });

  test("subnet, range, gateway and kept addresses are as asked for", async () => {
    await networkMade(
      ...["--driver", "bridge", "--subnet", "10.32.1.0/24", "--ip-range", "10.32.1.128/25"],
      ...["--gateway", "10.32.1.254", "--aux-address", "r=10.32.1.128", "own"],
    );
    expect((await inspected("own")).IPAM.Config).toEqual([
      {
        Subnet: "10.32.1.0/24",
        IPRange: "10.32.1.128/25",
        Gateway: "10.32.1.254",
        AuxiliaryAddresses: { r: "10.32.1.128" },
      },
    ]);
    await started("first", "--network", "own");
    const { own } = await networksOf("first");
    expect(own).toMatchObject({ IPAddress: "10.32.1.129", IPPrefixLen: 24, Gateway: "10.32.1.254" });
    expect(await routes("first")).toContain("default via 10.32.1.254 dev eth0");
  });

  test("a container has the address, the MAC and the aliases it asks for, also after a restart", async () => {
    await networkMade("--subnet", "10.32.2.0/24", "own");
    const flags = ["--ip", "10.32.2.77", "--network-alias", "web"];
    await started("fixed", "--network", "own", ...flags);
    const { own } = await networksOf("fixed");
    expect(own).toMatchObject({ IPAddress: "10.32.2.77", IPAMConfig: { IPv4Address: "10.32.2.77" } });
    expect(own?.Aliases).toContain("web");
    await output(["restart", "-t", "0", "fixed"]);
    expect((await networksOf("fixed")).own?.IPAddress).toBe("10.32.2.77");
    await output(["stop", "-t", "0", "fixed"]);
    expect((await networksOf("fixed")).own).toMatchObject({
      IPAddress: "",
      IPAMConfig: { IPv4Address: "10.32.2.77" },
      NetworkID: own?.NetworkID,
    });
  });

  test("networks are apart from each other in both directions, and containers on one are not", async () => {
    await networkMade("left");
    await networkMade("right");
    await started("one", "--network", "left");
    await started("two", "--network", "left");
    await started("other", "--network", "right");
    const address = async (name: string, network: string) =>
      (await networksOf(name))[network]?.IPAddress ?? "";
    expect(await pings("one", await address("two", "left"))).toBe(true);
    expect(await pings("one", await address("other", "right"))).toBe(false);
    expect(await pings("other", await address("one", "left"))).toBe(false);
  });

  test("an internal network leads nowhere", async () => {
    await networkMade("--internal", "inner");
    expect((await inspected("inner")).Internal).toBe(true);
    await started("inside", "--network", "inner");
    // Docker 20.10 leaves the way out in place, and drops what goes it.
    if (!ON_DOCKER) expect(await routes("inside")).not.toContain("default");
  });

  test("a container that runs is connected to a second network and disconnected", async () => {
    await networkMade("--subnet", "10.32.3.0/24", "second");
    await started("both");
    await output(["network", "connect", "--ip", "10.32.3.9", "--alias", "also", "second", "both"]);
    const networks = await networksOf("both");
    expect(Object.keys(networks).sort()).toEqual(["bridge", "second"]);
    expect(networks.second).toMatchObject({ IPAddress: "10.32.3.9", MacAddress: "02:42:0a:20:03:09" });
    expect(networks.second?.Aliases).toContain("also");
    expect(await output(["exec", "both", "ip", "addr", "show", "eth1"])).toContain("inet 10.32.3.9/24");
    expect(await output(["exec", "both", "cat", "/etc/hosts"])).toContain("10.32.3.9\t");
    const [containers] = Object.values((await inspected("second")).Containers) as { Name: string }[];
    expect(containers).toMatchObject({ Name: "both", IPv4Address: "10.32.3.9/24" });
    expect(await refused("connect", "second", "both")).toContain(
      "endpoint with name both already exists in network second",
    );
    await output(["network", "disconnect", "bridge", "both"]);
    expect(Object.keys(await networksOf("both"))).toEqual(["second"]);
    expect(await routes("both")).toContain("default via 10.32.3.1 dev eth1");
    await output(["network", "disconnect", "second", "both"]);
    expect(await output(["exec", "both", "ip", "-o", "link"])).not.toContain("eth");
    expect(await refused("disconnect", "second", "both")).toContain("is not connected to");
    await output(["network", "connect", "second", "both"]);
    expect(await routes("both")).toContain("default via 10.32.3.1");
  });

  test("one that does not run is connected from its next start on", async () => {
    await networkMade("--subnet", "10.32.4.0/24", "later");
    await output(["create", "--name", "idle", "busybox", "sleep", "100"]);
    await output(["network", "connect", "--ip", "10.32.4.4", "later", "idle"]);
    expect((await networksOf("idle")).later).toMatchObject({
      IPAddress: "",
      IPAMConfig: { IPv4Address: "10.32.4.4" },
    });
    await output(["network", "disconnect", "bridge", "idle"]);
    expect(Object.keys(await networksOf("idle"))).toEqual(["later"]);
    await output(["start", "idle"]);
    expect((await networksOf("idle")).later?.IPAddress).toBe("10.32.4.4");
    await output(["stop", "-t", "0", "idle"]);
    await output(["network", "disconnect", "later", "idle"]);
    expect(await networksOf("idle")).toEqual({});
  });

  test("options name the bridge, bound its packets and keep containers from each other", async () => {
    const bridge = `brt${process.pid % 100_000}`;
    const option = (name: string, value: string) => ["-o", `com.docker.network.${name}=${value}`];
    const options = [...option("bridge.name", bridge), ...option("driver.mtu", "1300")];
    await networkMade(
      ...options,
      ...option("bridge.enable_icc", "false"),
      ...option("bridge.enable_ip_masquerade", "false"),
      "tuned",
    );
    await started("one", "--network", "tuned");
    await started("two", "--network", "tuned");
    expect(await output(["exec", "one", "ip", "link", "show", "eth0"])).toContain("mtu 1300");
    const { tuned } = await networksOf("two");
    // Docker keeps them apart by a rule that sees bridged packets on hosts with br_netfilter alone.
    if (!ON_DOCKER) expect(await pings("one", tuned?.IPAddress ?? "")).toBe(false);
    expect(await pings("one", tuned?.Gateway ?? "")).toBe(true);
    expect(await refused("create", ...option("bridge.name", bridge), "other")).toContain(
      "networks have same bridge name",
    );
    for (const [name, value] of [
      ["driver.mtu", "wide"],
      ["bridge.enable_icc", "perhaps"],
    ] as const)
      expect(await refused("create", ...option(name, value), "bad")).toContain(
        `failed to parse com.docker.network.${name} value: ${value}`,
      );
  });

  test("settings are kept in one network for others", async () => {
    await networkMade("--config-only", "--subnet", "10.32.5.0/24", "--label", "a=b", "settings");
    expect(await inspected("settings")).toMatchObject({ ConfigOnly: true, Driver: "null" });
    await networkMade("--config-from", "settings", "real");
    const real = await inspected("real");
    expect(real).toMatchObject({ ConfigFrom: { Network: "settings" }, ConfigOnly: false });
    expect(real.IPAM.Config[0].Subnet).toBe("10.32.5.0/24");
    expect(await refused("rm", "settings")).toContain('configuration network "settings" is in use');
    await output(["network", "rm", "real"]);
    await output(["network", "rm", "settings"]);
  });

  test("what cannot be is refused in Docker's words", async () => {
    await networkMade("--subnet", "10.32.6.0/24", "there");
    await started("user", "--network", "there", "--ip", "10.32.6.6");
    const id = (await inspected("there")).Id;
    const rows: [args: string[], sentence: string][] = [
      [["create", "there"], "network with name there already exists"],
      [["create", "--subnet", "10.32.6.128/25", "x"], "Pool overlaps with other one on this address space"],
      [["create", "bridge"], "operation is not permitted on predefined bridge network"],
      [["create", "-d", "nope", "x"], 'plugin "nope" not found'],
      [["create", "-d", "host", "x"], 'only one instance of "host" network is allowed'],
      [["create", "--ipam-driver", "nope", "x"], 'plugin "nope" not found'],
      [["create", "--ingress", "x"], "Ingress network can only be global scope network"],
      [["create", "--scope", "swarm", "x"], "cannot create a swarm scoped network when swarm is not active"],
      [["create", "--subnet", "10.32.7.0/33", "x"], "10.32.7.0/33"],
      [["rm", "there"], `error while removing network: network there id ${id} has active endpoints`],
      [["rm", "host"], "host is a pre-defined network and cannot be removed"],
      [["rm", "nowhere"], "network nowhere not found"],
      [
        ["connect", "host", "user"],
        "container cannot be disconnected from host network or connected to host network",
      ],
      [["connect", "nowhere", "user"], "network nowhere not found"],
      [["connect", "there", "nobody"], "No such container: nobody"],
    ];
    for (const [args, sentence] of rows) expect(await refused(...args)).toContain(sentence);
    const second = await command(["run", "--network", "there", "--ip", "10.32.6.6", "busybox", "true"]);
    expect([second.status, second.stderr]).toEqual([125, expect.stringContaining("Address already in use")]);
    const unknown = await command(["run", "--rm", "--network", "nowhere", "busybox", "true"]);
    expect([unknown.status, unknown.stderr]).toEqual([
      125,
      expect.stringContaining("network nowhere not found"),
    ]);
  });

  test("events tell of each step", async () => {
    const since = String(Date.now() / 1000 - 0.001);
    await networkMade("told");
    await output(["run", "--rm", "--network", "told", "busybox", "true"]);
    const actions = async () =>
      output([
        ...["events", "--since", since, "--until", String(Date.now() / 1000)],
        ...["--filter", "type=network", "--filter", "network=told", "--format", "{{.Action}}"],
      ]);
    await eventually("the end of the container's connection", async () =>
      (await actions()).includes("disconnect"),
    );
    await output(["network", "rm", "told"]);
    await eventually("all events", async () => (await actions()) === "create\nconnect\ndisconnect\ndestroy");
  });

  test("inspect finds a network only in the scope that is asked for", async () => {
    await networkMade("scoped");
    const asked = (query: string) => engine.request("GET", `/networks/scoped?${query}`);
    expect((await asked("scope=local&verbose=true")).status).toBe(200);
    expect(await asked("scope=swarm")).toMatchObject({
      status: 404,
      json: { message: "network scoped not found" },
    });
    expect(await asked("verbose=2")).toMatchObject({
      status: 400,
      json: { message: 'invalid value for verbose: 2: strconv.ParseBool: parsing "2": invalid syntax' },
    });
    expect(JSON.parse(await output(["network", "inspect", "--verbose", "scoped"]))).toHaveLength(1);
  });

  test("prune takes what no container is on, or those of it that filters choose", async () => {
    await networkMade("--label", "keep", "kept");
    await networkMade("--label", "drop=yes", "dropped");
    await networkMade("used");
    await started("user", "--network", "used");
    const prune = (...filters: string[]) =>
      output(["network", "prune", "-f", ...filters.flatMap((filter) => ["--filter", filter])]);
    expect(await prune("until=1h")).toBe("");
    expect(await prune("label=drop=yes")).toContain("dropped");
    expect(await prune("label!=keep")).toBe("");
    expect(await prune()).toContain("kept");
    expect(await output(["network", "ls", "-q", "--filter", "type=custom"])).not.toBe("");
    const strange = await command(["network", "prune", "-f", "--filter", "colour=red"]);
    expect(strange.stderr).toContain("nvalid filter 'colour");
  });

  // Docker 20.10 chooses no subnet of IPv6 by itself, and a container can be created with one network only.
  describe.skipIf(ON_DOCKER)("beyond Docker 20.10", () => {
    test("one flag gives a network a subnet of IPv6, by which containers reach each other", async () => {
      await networkMade("--ipv6", "dual");
      const [, v6] = (await inspected("dual")).IPAM.Config;
      expect(v6.Subnet).toMatch(/^fd[0-9a-f]{2}:.*::\/64$/);
      await started("one", "--network", "dual");
      await started("two", "--network", "dual");
      const address = (await networksOf("two")).dual?.GlobalIPv6Address ?? "";
      expect(address).not.toBe("");
      expect((await command(["exec", "one", "ping", "-6", "-c1", "-W2", address])).status).toBe(0);
      expect(await output(["exec", "one", "ip", "-6", "route"])).toContain("default via fd");
    });

    test("a network may be without IPv4, and an address of IPv6 be asked for", async () => {
      await networkMade("--ipv4=false", "--ipv6", "--subnet", "fd32:1::/64", "six");
      await started("one", "--network", "six", "--ip6", "fd32:1::77");
      expect((await networksOf("one")).six).toMatchObject({ IPAddress: "", GlobalIPv6Address: "fd32:1::77" });
      const neither = await refused("create", "--ipv4=false", "none-at-all");
      expect(neither).toContain("IPv4 or IPv6 must be enabled");
    });

    test("several networks are in the order in which they are asked for, and priority decides the way out", async () => {
      await networkMade("--subnet", "10.32.11.0/24", "b-net");
      await networkMade("--subnet", "10.32.12.0/24", "a-net");
      const second = "name=a-net,ip=10.32.12.5,alias=x,alias=y,mac-address=02:00:00:00:00:05";
      await started("several", "--network", "b-net", "--network", second);
      const networks = await networksOf("several");
      expect(networks["a-net"]).toMatchObject({
        IPAddress: "10.32.12.5",
        MacAddress: "02:00:00:00:00:05",
        Aliases: ["x", "y"],
      });
      expect(await output(["exec", "several", "ip", "addr", "show", "eth0"])).toContain("inet 10.32.11.");
      expect(await output(["exec", "several", "ip", "addr", "show", "eth1"])).toContain("inet 10.32.12.5/");
      expect(await routes("several")).toContain("default via 10.32.12.1 dev eth1");
      await output(["network", "disconnect", "b-net", "several"]);
      await output(["network", "connect", "--gw-priority", "7", "b-net", "several"]);
      expect(await routes("several")).toContain("default via 10.32.11.1 dev eth0");
      await output(["restart", "-t", "0", "several"]);
      expect(await routes("several")).toContain("default via 10.32.11.1");
      expect((await networksOf("several"))["a-net"]?.IPAddress).toBe("10.32.12.5");
    });

    test("what is asked of a network when a container is connected to it is kept", async () => {
      await networkMade("--ipv6", "--subnet", "fd32:2::/64", "--ipam-opt", "a=b", "asked");
      expect((await inspected("asked")).IPAM.Options).toEqual({ a: "b" });
      await started("database", "--network", "asked");
      await started("front");
      await output([
        ...["network", "connect", "--ip6", "fd32:2::9", "--link-local-ip", "169.254.32.10"],
        ...["--driver-opt", "some=option", "--link", "database:db", "asked", "front"],
      ]);
      expect((await networksOf("front")).asked).toMatchObject({
        GlobalIPv6Address: "fd32:2::9",
        IPAMConfig: { IPv6Address: "fd32:2::9", LinkLocalIPs: ["169.254.32.10"] },
        DriverOpts: { some: "option" },
        Links: ["database:db"],
      });
      await output(["network", "disconnect", "-f", "asked", "front"]);
      await output(["network", "disconnect", "-f", "asked", "front"]);
      expect((await command(["network", "rm", "-f", "nowhere"])).status).toBe(0);
    });

    test("a container's link has the name and the parameters that are asked for", async () => {
      const [ifname, sysctls] = ["ifname", "sysctls"].map((name) => `com.docker.network.endpoint.${name}`);
      const settings = "net.ipv4.conf.IFNAME.log_martians=1,net.ipv4.neigh.IFNAME.app_solicit=7";
      await networkMade("front");
      await networkMade("back");
      const asked = `name=front,driver-opt=${ifname}=wan0,"driver-opt=${sysctls}=${settings}"`;
      await started("both", "--network", asked, "--network", "back");
      const sysctl = (path: string) => output(["exec", "both", "cat", `/proc/sys/net/ipv4/${path}`]);
      expect(await sysctl("conf/wan0/log_martians")).toBe("1");
      expect(await sysctl("neigh/wan0/app_solicit")).toBe("7");
      expect(await sysctl("conf/eth0/log_martians")).toBe("0");
      await networkMade("third");
      const connect = (...args: string[]) =>
        command(["network", "connect", "--driver-opt", ...args, "third", "both"]);
      expect((await connect(`${ifname}=wan0`)).stderr).toContain("the container has a link wan0 already");
      expect((await connect(`${sysctls}=net.ipv4.ip_forward=1`)).stderr).toContain("invalid setting");
      expect((await connect(`${ifname}=dmz`)).status).toBe(0);
      expect(await output(["exec", "both", "ls", "/sys/class/net"])).toContain("dmz");
    });

    test("a link-local address is its link's", async () => {
      await networkMade("local");
      await started("near", "--network", "local", "--link-local-ip", "169.254.32.9");
      expect(await output(["exec", "near", "ip", "addr", "show", "eth0"])).toContain("inet 169.254.32.9/16");
    });

    test("a configuration that is none is refused with all that is wrong", async () => {
      const ipam = (Config: object[]) => ({ Name: "x", IPAM: { Config } });
      const rows: [object, string][] = [
        [ipam([{ Subnet: "10.32.8.5/24" }]), "invalid subnet 10.32.8.5/24: it should be 10.32.8.0/24"],
        [
          ipam([{ Subnet: "10.32.8.0/24", Gateway: "10.32.9.1", IPRange: "10.32.9.0/25" }]),
          "invalid ip-range 10.32.9.0/25: parent subnet 10.32.8.0/24 doesn't contain ip-range\n" +
            "invalid gateway 10.32.9.1: parent subnet 10.32.8.0/24 doesn't contain this address",
        ],
        [ipam([{ Subnet: "10.32.8.0" }]), "invalid subnet 10.32.8.0: invalid CIDR block notation"],
        [ipam([{ Subnet: "fd32::/64" }]), "ask for it with --ipv6"],
        [{ Name: " " }, "name is empty"],
      ];
      for (const [body, sentence] of rows) {
        const { status, json } = await engine.request("POST", "/networks/create", body);
        expect([status, (json as { message: string }).message]).toEqual([
          400,
          expect.stringContaining(sentence),
        ]);
      }
    });
  });
});
