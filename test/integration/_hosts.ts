/** A host of a test's own: a network namespace with an outside behind it, whose rules a test may do anything to. */

import { run } from "../harness/mod.ts";

export interface TestHost extends AsyncDisposable {
  /** Its name for ip-netns(8), and for startFathom. */
  name: string;
  /** The address of the host that the outside knows, and the outside's. */
  address: string;
  outside: string;
  address6: string;
  outside6: string;
  /** Runs a program on the host; it must succeed. Gives what it printed. */
  there(...command: string[]): Promise<string>;
  /** The same in the outside, with its exit status. */
  beyond(...command: string[]): Promise<{ status: number; stdout: string; stderr: string }>;
  /** What a client in the outside, or on the host, gets of a port: text, `refused` or `nothing`. */
  got(where: "outside" | "host", address: string, port: number): Promise<string>;
  /** Starts a server in the outside that answers connections on a port with the client's address. */
  serveBeyond(port: number): Promise<Disposable>;
}

async function must(...command: string[]): Promise<string> {
  const { status, stdout, stderr } = await run(command);
  if (status !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
  return stdout;
}

const SERVER = `import socket,sys
s=socket.create_server(('::',int(sys.argv[1])),family=socket.AF_INET6,dualstack_ipv6=True)
print('ready',flush=True)
while 1:
  c,a=s.accept();c.send(a[0].replace('::ffff:','').encode());c.close()`;

const CLIENT = `import socket,sys
try:
  s=socket.create_connection((sys.argv[1],int(sys.argv[2])),0.7);s.settimeout(2);print(s.recv(100).decode().strip())
except ConnectionRefusedError: print('refused')
except OSError: print('nothing')`;

export async function makeHost(label: string): Promise<TestHost> {
  const name = `fathom-test-${label}-${process.pid}`;
  const far = `${name}-out`;
  const inside = (netns: string, command: readonly string[]) => [
    "nsenter",
    `--net=/run/netns/${netns}`,
    ...command,
  ];
  for (const netns of [name, far]) await must("ip", "netns", "add", netns);
  const ip = (netns: string, ...words: string[]) => must("ip", "-n", netns, ...words);
  await ip(name, "link", "add", "up0", "type", "veth", "peer", "name", "far0", "netns", far);
  for (const [netns, link, number] of [
    [name, "up0", 1],
    [far, "far0", 2],
  ] as const) {
    await ip(netns, "link", "set", "lo", "up");
    await ip(netns, "addr", "add", `198.51.100.${number}/24`, "dev", link);
    await ip(netns, "addr", "add", `2001:db8:5::${number}/64`, "dev", link, "nodad");
    await ip(netns, "link", "set", link, "up");
  }
  await ip(name, "route", "add", "default", "via", "198.51.100.2");
  await ip(far, "route", "add", "default", "via", "198.51.100.1");
  return {
    name,
    address: "198.51.100.1",
    outside: "198.51.100.2",
    address6: "2001:db8:5::1",
    outside6: "2001:db8:5::2",
    there: (...command) => must(...inside(name, command)),
    beyond: (...command) => run(inside(far, command)),
    async got(where, address, port) {
      const netns = where === "outside" ? far : name;
      return (await must(...inside(netns, ["python3", "-c", CLIENT, address, String(port)]))).trim();
    },
    async serveBeyond(port) {
      const server = Bun.spawn(inside(far, ["python3", "-c", SERVER, String(port)]), { stdout: "pipe" });
      await server.stdout.getReader().read();
      return { [Symbol.dispose]: () => server.kill("SIGKILL") };
    },
    async [Symbol.asyncDispose]() {
      for (const netns of [name, far]) await must("ip", "netns", "del", netns);
    },
  };
}
