/** Networks on the real kernel: the outside, other bridges, crashes, flags. The outside is a network namespace of the test's own. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Engine, eventually, run, startFathom } from "../harness/mod.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await startFathom();
});
afterEach(() => engine.removeContainers());
afterAll(() => engine[Symbol.asyncDispose]());

const fathom = (...args: string[]) => engine.output("fathom", args);
const field = (name: string, path: string) => fathom("inspect", "-f", `{{${path}}}`, name);
const addressOf = (name: string) => field(name, ".NetworkSettings.IPAddress");
const bridgeName = () =>
  fathom("network", "inspect", "-f", '{{index .Options "com.docker.network.bridge.name"}}', "bridge");

async function links(prefix: string): Promise<string[]> {
  return (await readdir("/sys/class/net")).filter((name) => name.startsWith(prefix));
}

/** The port of the bridge that is a container's link. */
async function portOf(name: string): Promise<string> {
  const record = await readFile(
    join(engine.execRoot, "sandboxes", `${await field(name, ".Id")}.json`),
    "utf8",
  );
  return JSON.parse(record).Endpoints[0].Link;
}

describe("the outside", () => {
  const OUTSIDE = `fathom-test-out-${process.pid}`;
  const LINK = `fmo${process.pid}`;
  const ip = async (...args: string[]) => {
    const { status, stderr } = await run(["ip", ...args]);
    if (status !== 0) throw new Error(`ip ${args.join(" ")}: ${stderr}`);
  };
  beforeAll(async () => {
    await ip("netns", "add", OUTSIDE);
    await ip("link", "add", LINK, "type", "veth", "peer", "name", "out0", "netns", OUTSIDE);
    await ip("addr", "add", "198.51.100.1/24", "dev", LINK);
    await ip("link", "set", LINK, "up");
    await ip("-n", OUTSIDE, "addr", "add", "198.51.100.2/24", "dev", "out0");
    await ip("-n", OUTSIDE, "link", "set", "out0", "up");
    await ip("-n", OUTSIDE, "route", "add", "default", "via", "198.51.100.1");
  });
  afterAll(async () => {
    await ip("link", "del", LINK);
    await ip("netns", "del", OUTSIDE);
  });

  /** Answers one connection in the outside with the address it came from. */
  function listener() {
    const script =
      "import socket;s=socket.socket();s.setsockopt(1,2,1);s.bind(('',7001));s.listen(5);print('ready',flush=True)\nwhile 1:\n c,a=s.accept();c.send(a[0].encode());c.close()";
    return Bun.spawn(["ip", "netns", "exec", OUTSIDE, "python3", "-c", script], { stdout: "pipe" });
  }

  test("sees a container under the host's address", async () => {
    const server = listener();
    try {
      await server.stdout.getReader().read();
      const seen = await fathom("run", "--rm", "busybox", "nc", "-w3", "198.51.100.2", "7001");
      expect(seen).toBe("198.51.100.1");
    } finally {
      server.kill();
      await server.exited;
    }
  });

  test("does not reach a container, whatever route it has", async () => {
    await fathom(
      "run",
      "-d",
      "--name",
      "hidden",
      "busybox",
      "sh",
      "-c",
      "while :; do echo in | nc -l -p 7002; done",
    );
    const address = await addressOf("hidden");
    const inside = await engine.command("fathom", ["run", "--rm", "busybox", "nc", "-w2", address, "7002"]);
    expect(inside.stdout).toBe("in\n");
    const script = `import socket;s=socket.socket();s.settimeout(1);print(s.connect_ex(('${address}',7002)))`;
    const outside = await run(["ip", "netns", "exec", OUTSIDE, "python3", "-c", script]);
    expect(outside.stdout.trim()).not.toBe("0");
  });
});

test("nothing is on the host before the first container, and nothing is left when the engine stops", async () => {
  await using quiet = await startFathom({ bare: true });
  const before = await links("fathom");
  const made = async () => (await links("fathom")).filter((name) => !before.includes(name));
  expect(await made()).toEqual([]);
  const bridge = await quiet.output("fathom", [
    "network",
    "inspect",
    "-f",
    '{{index .Options "com.docker.network.bridge.name"}}',
    "bridge",
  ]);
  expect(await made()).toEqual([bridge]);
  await quiet.stop();
  expect(await made()).toEqual([]);
  await quiet.start();
});

test("engines side by side have bridges and networks of their own", async () => {
  await using other = await startFathom({ bare: true });
  const subnet = (one: Engine) =>
    one.output("fathom", ["network", "inspect", "-f", "{{(index .IPAM.Config 0).Subnet}}", "bridge"]);
  expect(await subnet(other)).not.toBe(await subnet(engine));
});

test("a container and its address outlive a killed engine; one that ends meanwhile leaves nothing", async () => {
  await fathom("run", "-d", "--name", "stays", "busybox", "sleep", "100");
  await fathom("run", "-d", "--name", "goes", "busybox", "sleep", "100");
  const [address, port] = [await addressOf("stays"), await portOf("goes")];
  const pid = Number(await field("goes", ".State.Pid"));
  await engine.kill();
  process.kill(pid, "SIGKILL");
  await engine.start();
  expect(await addressOf("stays")).toBe(address);
  await eventually("the end of its link", async () => !(await links("fm")).includes(port));
  expect(await readdir(join(engine.execRoot, "netns"))).toHaveLength(1);
  expect(await readdir(join(engine.execRoot, "sandboxes"))).toHaveLength(1);
  await fathom("run", "-d", "--name", "next", "busybox", "sleep", "100");
  expect(await addressOf("next")).not.toBe(address);
  expect(await fathom("exec", "next", "ping", "-c1", "-W2", address)).toContain("1 packets received");
});

test("a start that fails leaves no link and no address taken", async () => {
  const failed = await engine.command("fathom", ["run", "--name", "broken", "busybox", "/nowhere"]);
  expect(failed.status).toBe(127);
  expect(await readdir(join(engine.execRoot, "netns"))).toEqual([]);
  expect(await readdir(join(engine.execRoot, "sandboxes"))).toEqual([]);
});

test("the namespace is where inspect says, and can be entered", async () => {
  await fathom("run", "-d", "--name", "open", "busybox", "sleep", "100");
  const key = await field("open", ".NetworkSettings.SandboxKey");
  const { stdout } = await run(["nsenter", `--net=${key}`, "ip", "-4", "-o", "addr", "show", "eth0"]);
  expect(stdout).toContain(await addressOf("open"));
});

test("a link that another process keeps is taken away all the same", async () => {
  await fathom("run", "-d", "--name", "owner", "busybox", "sleep", "100");
  const port = await portOf("owner");
  await fathom("run", "-d", "--name", "guest", "--network", "container:owner", "busybox", "sleep", "100");
  await fathom("rm", "-f", "owner");
  expect(await links("fm")).toContain(port);
  await eventually("the removal of the link", async () => !(await links("fm")).includes(port));
});

test("the receipt tells how the container was connected", async () => {
  await fathom("run", "--name", "told", "busybox", "true");
  const story = await fathom("explain", "told", "--json");
  for (const what of ["make a network namespace", "join eth0 of the container", "send everything else to"])
    expect(story).toContain(what);
});

test("the rules are one table of the engine's own, put back by the next start", async () => {
  await fathom("run", "-d", "busybox", "sleep", "100");
  const table = ["inet", await bridgeName()];
  expect((await run(["nft", "list", "table", ...table])).stdout).toContain("masquerade");
  await run(["nft", "delete", "table", ...table]);
  await engine.kill();
  await engine.start();
  expect((await run(["nft", "list", "table", ...table])).stdout).toContain("masquerade");
});

describe("flags of the daemon", () => {
  test("--bip, --fixed-cidr and --mtu say what the bridge is", async () => {
    const args = ["--bip", "10.213.0.1/24", "--fixed-cidr", "10.213.0.128/25", "--mtu", "1280"];
    await using flagged = await startFathom({ args });
    const shown = await flagged.output("fathom", ["run", "--rm", "busybox", "ip", "addr", "show", "eth0"]);
    expect(shown).toContain("inet 10.213.0.128/24");
    expect(shown).toContain("mtu 1280");
  });

  test("--bridge=none leaves no default network, and says so", async () => {
    await using without = await startFathom({ args: ["--bridge=none"] });
    const refused = await without.command("fathom", ["run", "--rm", "busybox", "true"]);
    expect([refused.status, refused.stderr]).toEqual([
      125,
      expect.stringContaining("network bridge not found"),
    ]);
    expect(await without.output("fathom", ["network", "ls", "--format", "{{.Name}}"])).toBe("host\nnone");
  });

  test("--icc=false keeps containers from each other, not from the gateway", async () => {
    await using apart = await startFathom({ args: ["--icc=false"] });
    const on = (...args: string[]) => apart.command("fathom", args);
    await on("run", "-d", "--name", "other", "busybox", "sleep", "100");
    const address = (await on("inspect", "-f", "{{.NetworkSettings.IPAddress}}", "other")).stdout.trim();
    const gateway = (await on("inspect", "-f", "{{.NetworkSettings.Gateway}}", "other")).stdout.trim();
    const ping = async (to: string) => (await on("run", "--rm", "busybox", "ping", "-c1", "-W1", to)).status;
    expect([await ping(address), await ping(gateway)]).toEqual([1, 0]);
  });
});

describe("--network-rate", () => {
  /** 8 mbit are a million bytes a second. */
  const RATE = "8mbit";
  const SIZE = 1_500_000;
  const MOST_RATE = 1_300_000;
  const SEND = `import socket,sys;s=socket.create_connection((sys.argv[1],7003));s.sendall(bytes(${SIZE}))`;
  /** Bytes a second, of `SIZE` bytes of which a bucket's fill goes at once. */
  const expectRate = (milliseconds: number) => {
    const rate = (SIZE / milliseconds) * 1000;
    // How far below it stays is the machine's affair.
    expect(rate).toBeGreaterThan(100_000);
    expect(rate).toBeLessThan(MOST_RATE);
  };

  test("holds for what a container sends, and cannot be lifted in it", async () => {
    const gateway = await fathom("network", "inspect", "-f", "{{(index .IPAM.Config 0).Gateway}}", "bridge");
    const ended = Promise.withResolvers<number>();
    let first = 0;
    using server = Bun.listen({
      hostname: gateway,
      port: 0,
      socket: {
        data: () => {
          first ||= performance.now();
        },
        close: () => ended.resolve(performance.now() - first),
      },
    });
    const send = `head -c ${SIZE} /dev/zero | nc ${gateway} ${server.port}`;
    await fathom(
      "run",
      "--rm",
      "--cap-add",
      "NET_ADMIN",
      "--network-rate",
      `up=${RATE}`,
      "busybox",
      "sh",
      "-c",
      send,
    );
    expectRate(await ended.promise);
  });

  test("holds for what it receives, changes while it runs, and leaves no link", async () => {
    const receive = "while :; do nc -l -p 7003 | wc -c; done";
    await fathom("run", "-d", "--name", "slow", "--network-rate", RATE, "busybox", "sh", "-c", receive);
    const address = await addressOf("slow");
    const port = await portOf("slow");
    const queue = port.replace("fm", "fi");
    const sent = async (): Promise<number> => {
      const before = (await fathom("logs", "slow")).length;
      const start = performance.now();
      await eventually("a listener", async () => (await run(["python3", "-c", SEND, address])).status === 0);
      await eventually("the count", async () => (await fathom("logs", "slow")).length > before);
      return performance.now() - start;
    };
    const limited = await sent();
    expectRate(limited);
    expect(await links("fi")).toContain(queue);
    await fathom("update", "--network-rate", "0", "slow");
    expect(await links("fi")).not.toContain(queue);
    // On a machine that is busy with other things a try may be slow for another reason.
    const fasterThanLimited = (SIZE / MOST_RATE) * 1000;
    await eventually(
      "a try faster than the limit lets",
      async () => (await sent()) < fasterThanLimited,
      60_000,
    );
    await fathom("update", "--network-rate", "up=1mbit", "slow");
    expect(await links("fi")).toContain(queue);
    await fathom("rm", "-f", "slow");
    expect(await links("fi")).not.toContain(queue);
  });

  test("is refused where there is no link of the container's own, or no rate", async () => {
    const refused = (...flags: string[]) =>
      engine.command("fathom", ["run", "--rm", ...flags, "busybox", "true"]);
    const none = await refused("--network", "none", "--network-rate", "1mbit");
    expect(none.stderr).toContain("conflicting options: network rate and the network mode none");
    expect((await refused("--network-rate", "fast")).stderr).toContain("invalid network rate");
  });
});
