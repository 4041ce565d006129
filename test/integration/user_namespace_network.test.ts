/** The network of a container with users of its own, `--userns-remap`: it belongs to the same user namespace. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Engine, startFathom } from "../harness/mod.ts";

const FORWARDING = "/proc/sys/net/ipv4/ip_forward";
const MAP = ["0", "200000", "65536"];

let engine: Engine;
beforeAll(async () => {
  engine = await startFathom({ args: ["--userns-remap", "daemon"], subordinateIds: "daemon:200000:65536\n" });
});
afterAll(() => engine[Symbol.asyncDispose]());

const docker = (...args: string[]) => engine.output("docker", args);

test("root has power over its own network, as Docker's has", async () => {
  const script =
    "ip addr add 192.0.2.9/32 dev lo && ip addr show dev lo | grep -c 192.0.2.9; ls /sys/class/net; ping -c1 -W2 127.0.0.1";
  const output = await docker("run", "--rm", "--cap-add", "NET_ADMIN", "busybox", "sh", "-c", script);
  expect(output).toMatch(/^1\neth0\nlo\n/);
  expect(output).toContain("1 packets received");
  expect(await docker("run", "--rm", "--sysctl", "net.ipv4.ip_forward=1", "busybox", "cat", FORWARDING)).toBe(
    "1",
  );
});

test("it has none without the capability, and none over the host's", async () => {
  const failed = (...args: string[]) =>
    engine.command("docker", ["run", "--rm", ...args, "busybox", "ip", "link", "set", "lo", "down"]);
  expect((await failed()).stderr).toContain("Operation not permitted");
  expect(await docker("run", "--rm", "--cap-add", "NET_ADMIN", "busybox", "ip", "link")).not.toContain(
    "docker0",
  );
});

test("another container shares network and users by its name, and both go without a trace", async () => {
  const id = await docker("run", "-d", "busybox", "sleep", "600");
  try {
    const look = [
      "sh",
      "-c",
      "readlink /proc/self/ns/user; readlink /proc/self/ns/net; cat /proc/self/uid_map",
    ];
    const seen = await docker("run", "--rm", "--network", `container:${id}`, "busybox", ...look);
    expect(seen).toBe(await docker("exec", id, ...look));
    expect(seen.split("\n").at(-1)?.trim().split(/\s+/)).toEqual(MAP);
  } finally {
    await docker("rm", "-f", id);
  }
});
