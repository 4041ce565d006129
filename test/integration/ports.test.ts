/**
 * Published ports on the real kernel: who reaches a container by them, and who does not. The outside is a network namespace of the
 * test's own; what serves in a container is a program of the host's in the container's network namespace.
 */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { type Engine, eventually, run, startFathom } from "../harness/mod.ts";

const OUTSIDE = `fathom-test-pub-${process.pid}`;
const LINK = `fmp${process.pid}`;
const HOST = "198.51.101.1";
const CLIENT = "198.51.101.2";
const HOST6 = "fd00:33::1";
const PORT = 18_370;
/** Many kernels are built without SCTP, or have it as a module that is not there. */
const HAS_SCTP =
  (await run(["python3", "-c", "import socket; socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132)"]))
    .status === 0;
if (!HAS_SCTP) console.log("skipped: what is published by SCTP, which this kernel does not have");
const HAS_IPV6 = existsSync("/proc/net/if_inet6");

let engine: Engine;
let serving: DisposableStack;
beforeAll(async () => {
  engine = await startFathom({ args: ["--bip", "10.33.2.1/24"] });
  await ip("netns", "add", OUTSIDE);
  await ip("link", "add", LINK, "type", "veth", "peer", "name", "out0", "netns", OUTSIDE);
  await ip("addr", "add", `${HOST}/24`, "dev", LINK);
  await ip("link", "set", LINK, "up");
  await ip("-n", OUTSIDE, "addr", "add", `${CLIENT}/24`, "dev", "out0");
  await ip("-n", OUTSIDE, "link", "set", "out0", "up");
  await ip("-n", OUTSIDE, "route", "add", "default", "via", HOST);
  if (!HAS_IPV6) return;
  await ip("addr", "add", `${HOST6}/64`, "dev", LINK, "nodad");
  await ip("-n", OUTSIDE, "addr", "add", "fd00:33::2/64", "dev", "out0", "nodad");
});
beforeEach(() => {
  serving = new DisposableStack();
});
afterEach(async () => {
  serving.dispose();
  await engine.removeContainers();
});
afterAll(async () => {
  await run(["ip", "link", "del", LINK]);
  await run(["ip", "netns", "del", OUTSIDE]);
  await engine[Symbol.asyncDispose]();
});

async function ip(...args: string[]): Promise<void> {
  const { status, stderr } = await run(["ip", ...args]);
  if (status !== 0) throw new Error(`ip ${args.join(" ")}: ${stderr}`);
}

const fathom = (...args: string[]) => engine.output("fathom", args);
const started = (name: string, ...flags: string[]) =>
  fathom("run", "-d", "--name", name, ...flags, "busybox", "sleep", "100");
const field = (name: string, path: string) => fathom("inspect", "-f", `{{${path}}}`, name);
const addressOf = (name: string) => field(name, ".NetworkSettings.IPAddress");
const inContainer = async (name: string) => [
  "nsenter",
  `--net=${await field(name, ".NetworkSettings.SandboxKey")}`,
];
const inOutside = ["ip", "netns", "exec", OUTSIDE];

/** Tells everybody who comes where it is, and from where they came. */
const SERVE = `
import socket, sys
kind, port, name, address = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM, 132 if kind == "sctp" else 0)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((address, port))
if kind != "udp": s.listen(16)
print("ready", flush=True)
while True:
    if kind != "udp":
        c, peer = s.accept()
        c.sendall((name + " " + peer[0]).encode()); c.close()
    else:
        _, peer = s.recvfrom(100)
        print("asked by " + peer[0], flush=True)
        s.sendto((name + " " + peer[0]).encode(), peer)
`;

const ASK = `
import socket, sys
kind, address, port, source = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
family = socket.AF_INET6 if ":" in address else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM, 132 if kind == "sctp" else 0)
s.settimeout(1)
if source: s.bind(("", source))
try:
    s.connect((address, port))
    if kind == "udp": s.send(b"?")
    print(s.recv(100).decode())
except OSError as error: print("no answer")
`;

interface Place {
  kind?: "tcp" | "udp" | "sctp";
  port?: number;
}

async function serve(
  name: string,
  { kind = "tcp", port = 80 }: Place = {},
  where?: string[],
  at = "0.0.0.0",
) {
  const place = where ?? (await inContainer(name));
  const words = [...place, "python3", "-c", SERVE, kind, String(port), name, at];
  const child = Bun.spawn(words, { stdout: "pipe", stderr: "inherit" });
  serving.defer(() => child.kill("SIGKILL"));
  const said: string[] = [];
  void (async () => {
    for await (const piece of child.stdout) said.push(new TextDecoder().decode(piece));
  })();
  await eventually("the server", async () => said.join("").includes("ready"));
  return () => said.join("");
}

async function ask(
  address: string,
  { kind = "tcp", port = PORT, from = [], source = 0 }: Place & { from?: string[]; source?: number } = {},
): Promise<string> {
  const words = [...from, "python3", "-c", ASK, kind, address, String(port), String(source)];
  return (await run(words)).stdout.trim();
}

describe("what is published is reached", () => {
  test("from outside, which is seen under its own address", async () => {
    await started("web", "-p", `${PORT}:80`, "-p", `${PORT}:53/udp`);
    await serve("web");
    await serve("web", { kind: "udp", port: 53 });
    expect(await ask(HOST, { from: inOutside })).toBe(`web ${CLIENT}`);
    expect(await ask(HOST, { from: inOutside, kind: "udp" })).toBe(`web ${CLIENT}`);
    expect(await ask(HOST, { from: inOutside, port: PORT + 1 })).toBe("no answer");
  });

  test.skipIf(!HAS_SCTP)("by SCTP, from outside and from the host", async () => {
    await started("web", "-p", `${PORT}:80/sctp`);
    await serve("web", { kind: "sctp" });
    expect(await ask(HOST, { from: inOutside, kind: "sctp" })).toBe(`web ${CLIENT}`);
    expect(await ask(HOST, { kind: "sctp" })).toStartWith("web ");
  });

  test("from the host by every one of its addresses", async () => {
    await started("web", "-p", `${PORT}:80`, "-p", `${PORT}:53/udp`);
    await serve("web");
    await serve("web", { kind: "udp", port: 53 });
    for (const address of [HOST, "127.0.0.1", "127.0.0.2", "10.33.2.1"]) {
      expect(await ask(address)).toStartWith("web ");
      expect(await ask(address, { kind: "udp" })).toStartWith("web ");
    }
  });

  test("from the container itself and its neighbours by the host's address", async () => {
    await started("web", "-p", `${PORT}:80`);
    await started("neighbour");
    await serve("web");
    for (const name of ["web", "neighbour"])
      expect(await ask(HOST, { from: await inContainer(name) })).toBe("web 10.33.2.1");
  });

  test.skipIf(!HAS_IPV6)(
    "by ::1 and the host's addresses of IPv6, though it has only IPv4 itself",
    async () => {
      await started("web", "-p", `${PORT}:80`, "-p", `${PORT}:53/udp`, "-p", `[::1]:${PORT + 1}:80`);
      await serve("web");
      await serve("web", { kind: "udp", port: 53 });
      expect(await ask("::1")).toBe("web 10.33.2.1");
      expect(await ask("::1", { kind: "udp" })).toBe("web 10.33.2.1");
      expect(await ask("::1", { port: PORT + 1 })).toBe("web 10.33.2.1");
      expect(await ask(HOST6, { from: inOutside })).toBe("web 10.33.2.1");
      expect(await ask(HOST6, { from: inOutside, port: PORT + 1 })).toBe("no answer");
      const { stdout } = await run(["nft", "list", "ruleset"]);
      const forwarder = Number(/tcp \. 18370 : (\d+)[, ]/.exec(stdout)?.[1]);
      expect(await ask("::1", { port: forwarder })).toBe("");
      await engine.stop();
      await engine.start();
      expect(await ask("::1")).toBe("web 10.33.2.1");
    },
  );

  test("at one address, where that is asked for", async () => {
    await started("web", "-p", `${HOST}:${PORT}:80`, "-p", `127.0.0.1:${PORT + 1}:80`);
    await serve("web");
    expect(await ask(HOST)).toStartWith("web ");
    expect(await ask("127.0.0.1")).toBe("no answer");
    expect(await ask("127.0.0.1", { port: PORT + 1 })).toStartWith("web ");
    expect(await ask(HOST, { port: PORT + 1 })).toBe("no answer");
  });

  test("as ranges, each port to its own", async () => {
    await started("web", "-p", "18380-18389:80-89", "-p", "18400-19399:18400-19399");
    await serve("web", { port: 83 });
    await serve("web", { port: 18_999 });
    expect(await ask(HOST, { from: inOutside, port: 18_383 })).toStartWith("web ");
    expect(await ask(HOST, { from: inOutside, port: 18_999 })).toStartWith("web ");
    expect(await ask("127.0.0.1", { port: 18_999 })).toStartWith("web ");
  });
});

test("a thousand ports in a row are one element of a map", async () => {
  await started("many", "-p", "18400-19399:18400-19399");
  const { stdout } = await run(["nft", "list", "ruleset"]);
  expect(stdout.match(/18400-19399/g)?.length).toBeLessThanOrEqual(2);
  expect(stdout).not.toContain("18401");
});

describe("is not reached", () => {
  test("what is published at 127.0.0.1, from outside, whatever route it has", async () => {
    await started("web", "-p", `127.0.0.1:${PORT}:80`);
    await serve("web");
    expect(await ask("127.0.0.1")).toStartWith("web ");
    expect(await withLoopbackVia(inOutside, HOST, () => ask("127.0.0.1", { from: inOutside }))).toBe(
      "no answer",
    );
  });

  // By UDP: an answer to TCP would not find its way back, but what was sent would have come.
  test("what of the host listens at 127.0.0.1, from a container", async () => {
    await started("web", "-p", `${PORT}:80`);
    const place = { kind: "udp", port: PORT + 2 } as const;
    const said = await serve("host", place, [], "127.0.0.1");
    const from = await inContainer("web");
    await withLoopbackVia(from, "10.33.2.1", () => ask("127.0.0.1", { ...place, from }));
    await ask("127.0.0.1", place);
    await eventually("a question of the host's", async () => said().includes("asked by 127.0.0.1"));
    expect(said()).not.toContain("asked by 10.");
  });

  test("another port of the container, by its own address", async () => {
    await started("web", "-p", `${PORT}:80`);
    await serve("web");
    expect(await ask(await addressOf("web"), { from: inOutside, port: 80 })).toBe("no answer");
  });
});

/** Has a network namespace send what is for 127.0.0.1 to a gateway, as an attacker would. */
async function withLoopbackVia<T>(place: string[], gateway: string, work: () => Promise<T>): Promise<T> {
  const script = `
    for link in all lo eth0 out0; do echo 1 > /proc/sys/net/ipv4/conf/$link/route_localnet; done 2>/dev/null
    ip route del local 127.0.0.1 table local; ip route del local 127.0.0.0/8 table local
    ip route add 127.0.0.1 via ${gateway} && ip route get 127.0.0.1`;
  const { stdout } = await run([...place, "sh", "-c", script]);
  expect(stdout).toContain(`via ${gateway}`);
  return work();
}

describe("an engine that is killed", () => {
  test("leaves published what runs, and its successor goes on with it", async () => {
    await started("web", "-p", `${PORT}:80`);
    await serve("web");
    await engine.kill();
    expect(await ask(HOST, { from: inOutside })).toStartWith("web ");
    await engine.start();
    expect(await ask(HOST, { from: inOutside })).toStartWith("web ");
    const again = await engine.command("fathom", ["run", "--rm", "-p", `${PORT}:80`, "busybox", "true"]);
    expect(again.stderr).toContain("port is already allocated");
    await fathom("rm", "-f", "web");
    expect(await ask(HOST, { from: inOutside })).toBe("no answer");
  });

  test("has its successor take back what a container held that died meanwhile", async () => {
    await started("web", "-p", `${PORT}:80`);
    const pid = Number(await field("web", ".State.Pid"));
    const { stdout: before } = await run(["nft", "list", "ruleset"]);
    expect(before).toContain(`tcp . ${PORT} : `);
    await engine.kill();
    process.kill(pid, "SIGKILL");
    await engine.start();
    const { stdout: after } = await run(["nft", "list", "ruleset"]);
    expect(after).not.toContain(`tcp . ${PORT} : `);
    await started("other", "-p", `${PORT}:80`);
  });
});

describe("a flow of UDP from one port", () => {
  const SOURCE = 40_123;
  const asked = () => ask(HOST, { from: inOutside, kind: "udp", source: SOURCE });

  test("goes to the container that has the port now, not to the one before", async () => {
    await started("first", "-p", `${PORT}:53/udp`);
    await serve("first", { kind: "udp", port: 53 });
    expect(await asked()).toBe(`first ${CLIENT}`);
    await started("keeps-the-address-between");
    await fathom("rm", "-f", "first");
    await started("takes-its-address");
    await started("second", "-p", `${PORT}:53/udp`);
    await serve("second", { kind: "udp", port: 53 });
    await eventually("an answer of the second", async () => (await asked()) === `second ${CLIENT}`);
  });

  test("that came before anybody had the port reaches who has it then", async () => {
    expect(await asked()).toBe("no answer");
    await started("late", "-p", `${PORT}:53/udp`);
    await serve("late", { kind: "udp", port: 53 });
    await eventually("an answer", async () => (await asked()) === `late ${CLIENT}`);
  });
});

test("a port that a process of the host has is refused, with who has it", async () => {
  await serve("host", { port: PORT }, []);
  const { status, stderr } = await engine.command("fathom", ["run", "-p", `${PORT}:80`, "busybox", "true"]);
  expect(status).toBe(125);
  expect(stderr).toContain(`listen tcp4 0.0.0.0:${PORT}: bind: address already in use: python3 (process `);
  const chosen = await started("chosen", "-p", `${PORT}-${PORT + 1}:80`);
  expect(await field(chosen, '(index .NetworkSettings.Ports "80/tcp" 0).HostPort')).toBe(String(PORT + 1));
});
