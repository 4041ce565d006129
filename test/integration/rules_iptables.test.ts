/** Rules kept by iptables' old tables: the same behaviour as with the other backends, and on a host that has nothing else. */

import { expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { eventually, startFathom } from "../harness/mod.ts";
import { makeHost } from "./_hosts.ts";
import { describeRules } from "./_rules_kept.ts";

describeRules("legacy");

/** Runs a command for which the kernel has no netlink of netfilter's, as one that was built without: by seccomp(2). */
const WITHOUT_NFTABLES = `import ctypes,os,platform,struct,sys
arm=platform.machine()=='aarch64'
steps=[(0x20,0,0,0),(0x15,0,3,198 if arm else 41),(0x20,0,0,32),(0x15,0,1,12),(0x06,0,0,0x50000|93),(0x06,0,0,0x7fff0000)]
code=ctypes.create_string_buffer(b''.join(struct.pack('HBBI',*step) for step in steps))
program=ctypes.create_string_buffer(struct.pack('HxxxxxxP',len(steps),ctypes.addressof(code)))
assert ctypes.CDLL(None).prctl(22,2,ctypes.byref(program),0,0)==0
os.execvp(sys.argv[1],sys.argv[1:])`;

test("without nftables the engine falls back to iptables by itself, and says so", async () => {
  await using host = await makeHost("fall");
  await using engine = await startFathom({
    network: host.name,
    args: ["--bip", "10.35.1.1/24"],
    behind: ["python3", "-c", WITHOUT_NFTABLES],
  });
  const server = "while true; do echo served | nc -l -p 80; done";
  const run = ["run", "-d", "--name", "web", "-p", "8080:80", "busybox", "sh", "-c", server];
  try {
    const { stderr } = await engine.command("fathom", run);
    expect(stderr).toBe("");
    const got = () => host.got("outside", host.address, 8080);
    await eventually("the published port", async () => (await got()) === "served", 5000);
    expect(await host.there("iptables-legacy-save")).toContain("-j MASQUERADE");
    expect(await engine.output("fathom", ["info", "-f", "{{.FirewallBackend.Driver}}"])).toBe("iptables");
    expect((await engine.log()).match(/rules are kept by iptables/g)).toHaveLength(1);
    const reach = await engine.command("fathom", ["network", "reach", "web"]);
    expect(reach.stderr).toContain("which rules stand in the way is read from nftables");
    await engine.output("fathom", ["network", "create", "named"]);
    await engine.output("fathom", ["network", "connect", "named", "web"]);
    const ask = ["run", "--rm", "--network", "named", "busybox", "nc", "-w", "2", "web", "80"];
    const answer = async () => (await engine.command("fathom", ask)).stdout.trim();
    await eventually("an answer by its name", async () => (await answer()) === "served", 5000);
    expect(await engine.log()).not.toMatch(/finds no names|cannot be read/);
  } finally {
    await engine.removeContainers();
    await engine.command("fathom", ["network", "rm", "named"]);
  }
});

test("an engine that was killed and comes again with another backend takes the former's rules away", async () => {
  await using host = await makeHost("swap");
  const directory = await mkdtemp("/tmp/fathom-test-");
  const file = join(directory, "daemon.json");
  const choose = (backend: string) => writeFile(file, JSON.stringify({ "firewall-backend": backend }));
  await choose("iptables");
  await using engine = await startFathom({ network: host.name, args: ["--config-file", file] });
  const byNftables = () => host.there("sh", "-c", "nft list tables inet");
  const byIptables = () => host.there("iptables-save");
  try {
    await engine.output("fathom", ["run", "-d", "busybox", "sleep", "1000"]);
    expect(await byIptables()).toContain("-GUARD");
    expect(await byNftables()).not.toContain("fathom-");
    await engine.kill();
    await choose("nftables");
    await engine.start();
    await eventually("the rules' place", async () => !(await byIptables()).includes("-GUARD"), 5000);
    expect(await byNftables()).toContain("fathom-");
    await engine.kill();
    await choose("iptables");
    await engine.start();
    await eventually("the rules' place", async () => (await byIptables()).includes("-GUARD"), 5000);
    expect(await byNftables()).not.toContain("fathom-");
  } finally {
    await engine.removeContainers();
    await rm(directory, { recursive: true });
  }
});
