/** Names in containers on networks of their own, on the real kernel: who finds whom, through changes, crashes and other servers. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { createSocket } from "node:dgram";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Engine, eventually, startFathom } from "../harness/mod.ts";

let engine: Engine;
const SUBNET = "10.34.60";
const GATEWAY = `${SUBNET}.1`;

beforeAll(async () => {
  engine = await startFathom({ ownAccounts: true });
  await docker("network", "create", "--subnet", `${SUBNET}.0/24`, "back");
  await docker("network", "create", "--subnet", "10.34.61.0/24", "front");
  await docker("network", "create", "--internal", "--subnet", "10.34.62.0/24", "inside");
});
afterEach(() => engine.removeContainers());
afterAll(async () => {
  for (const name of ["back", "front", "inside"]) await docker("network", "rm", name);
  await engine[Symbol.asyncDispose]();
});

const docker = (...args: string[]) => engine.output("docker", args);
const sleeper = (name: string, ...options: string[]) =>
  docker("run", "-d", "--name", name, "--stop-signal", "KILL", ...options, "busybox", "sleep", "1000");

/** The addresses that a container finds for a name, in order; none where it finds none. */
async function found(container: string, name: string): Promise<string[]> {
  const { stdout } = await engine.command("docker", ["exec", container, "nslookup", name]);
  const answers = stdout
    .split("\n")
    .filter((line) => /^Address.*:\s/.test(line) && !line.includes("127.0.0.11"));
  return [...new Set(answers.map((line) => line.replace(/^Address[ 0-9]*:\s+(\S+).*/, "$1")))].sort();
}

/** A name server of the host at the gateway of `back`. */
async function nameServer(answer: string): Promise<AsyncDisposable & { asked: string[] }> {
  const asked: string[] = [];
  const socket = createSocket("udp4");
  socket.on("message", (query, from) => {
    asked.push(from.address);
    const end = query.indexOf(0, 12) + 5;
    const isA = query[end - 3] === 1;
    const head = Buffer.from(query.subarray(0, end));
    head.set([0x81, 0x80, 0, 1, 0, isA ? 1 : 0, 0, 0, 0, 0], 2);
    const record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, ...answer.split(".").map(Number)];
    socket.send(isA ? Buffer.concat([head, Buffer.from(record)]) : head, from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(53, GATEWAY, resolve));
  return { asked, [Symbol.asyncDispose]: async () => void socket.close() };
}

describe("containers on a network", () => {
  test("find each other by name, alias, host name and ID, and all that share an alias", async () => {
    const id = await sleeper("db", "--network", "back", "--network-alias", "store", "--hostname", "dbhost");
    await sleeper("web", "--network", "back", "--network-alias", "store");
    const [db = ""] = await found("web", "db");
    expect(db).toStartWith(`${SUBNET}.`);
    for (const name of ["DB", "db.back", "dbhost", id.slice(0, 12)])
      expect(await found("web", name)).toEqual([db]);
    expect(await found("web", "store")).toHaveLength(2);
    const { stdout } = await engine.command("docker", ["exec", "web", "nslookup", db]);
    expect(stdout).toContain("name = db.back");
    expect(await found("web", "host.docker.internal")).toEqual([GATEWAY]);
  });

  test("lose a name when it stops, and find the new one of a container that was renamed", async () => {
    await sleeper("db", "--network", "back");
    await sleeper("web", "--network", "back");
    const before = await found("web", "db");
    expect(before).toHaveLength(1);
    await docker("rename", "db", "base");
    expect(await found("web", "base")).toEqual(before);
    expect(await found("web", "db")).toEqual([]);
    await docker("stop", "base");
    expect(await found("web", "base")).toEqual([]);
    await docker("start", "base");
    expect(await found("web", "base")).toHaveLength(1);
  });

  test("find nobody of networks that they are not on, until they are, and then no more", async () => {
    await sleeper("db", "--network", "front");
    await sleeper("web", "--network", "back");
    expect(await found("web", "db")).toEqual([]);
    await docker("network", "connect", "--alias", "data", "back", "db");
    const own = await found("web", "db");
    expect(own[0]).toStartWith(`${SUBNET}.`);
    expect(await found("web", "data")).toEqual(own);
    await docker("network", "disconnect", "back", "db");
    expect(await found("web", "db")).toEqual([]);
  });

  test("find others by a link's alias, which nobody else knows", async () => {
    await sleeper("db", "--network", "back");
    await sleeper("web", "--network", "back", "--link", "db:store");
    await sleeper("other", "--network", "back");
    expect(await found("web", "store")).toEqual(await found("web", "db"));
    expect(await found("other", "store")).toEqual([]);
  });

  test("can serve names themselves at every address", async () => {
    await sleeper("web", "--network", "back");
    await docker("exec", "-d", "web", "nc", "-l", "-p", "53");
    await eventually("the container's own server", async () =>
      (await docker("exec", "web", "netstat", "-ltn")).includes(":53 "),
    );
    expect(await found("web", "web")).toHaveLength(1);
  });
});

test("a container of the default bridge finds names on a network that it joins while it runs", async () => {
  await sleeper("db", "--network", "back");
  await sleeper("web");
  const before = await docker("exec", "web", "cat", "/etc/resolv.conf");
  expect(before).not.toContain("127.0.0.11");
  await docker("network", "connect", "back", "web");
  expect(await docker("exec", "web", "cat", "/etc/resolv.conf")).toStartWith("nameserver 127.0.0.11\n");
  expect(await found("web", "db")).toHaveLength(1);
  await docker("network", "disconnect", "back", "web");
  expect(await docker("exec", "web", "cat", "/etc/resolv.conf")).toBe(before);
});

describe("a daemon that is killed", () => {
  test("leaves names as they were, and the next goes on with them", async () => {
    await sleeper("db", "--network", "back");
    await sleeper("web", "--network", "back");
    const pid = Number(await docker("inspect", "-f", "{{.State.Pid}}", "web"));
    const [db = ""] = await found("web", "db");
    await engine.kill();
    const inside = Bun.spawn(
      ["nsenter", `--net=/proc/${pid}/ns/net`, "busybox", "nslookup", "db", "127.0.0.11"],
      { stdout: "pipe" },
    );
    expect(await new Response(inside.stdout).text()).toContain(`Address: ${db}`);
    await engine.start();
    expect(await found("web", "db")).toEqual([db]);
    await sleeper("late", "--network", "back");
    expect(await found("web", "late")).toHaveLength(1);
    await docker("rm", "-f", "db");
    expect(await found("web", "db")).toEqual([]);
  });
});

describe("other names", () => {
  test("are asked of the servers that were given, from the container's network", async () => {
    await sleeper("web", "--network", "back", "--dns", GATEWAY, "--dns-search", "example.org");
    await using server = await nameServer("192.0.2.7");
    expect(await docker("exec", "web", "cat", "/etc/resolv.conf")).toBe(
      "nameserver 127.0.0.11\nsearch example.org\noptions ndots:0",
    );
    expect(await found("web", "example.com")).toEqual(["192.0.2.7"]);
    const own = await docker("inspect", "-f", "{{.NetworkSettings.Networks.back.IPAddress}}", "web");
    expect(new Set(server.asked)).toEqual(new Set([own]));
  });

  test("are asked nowhere from an internal network, whose own names are found", async () => {
    await sleeper("db", "--network", "inside");
    await sleeper("web", "--network", "inside", "--dns", GATEWAY);
    await using server = await nameServer("192.0.2.7");
    expect(await found("web", "example.com")).toEqual([]);
    expect(await found("web", "db")).toHaveLength(1);
    expect(server.asked).toEqual([]);
  });
});

describe("the host's resolv.conf", () => {
  test("is followed by containers that run, but for one that was edited by hand", async () => {
    const ofHost = join(engine.root, "etc/resolv.conf");
    const before = await readFile(ofHost, "utf8");
    const resolv = (name: string) => docker("exec", name, "cat", "/etc/resolv.conf");
    await sleeper("plain");
    await sleeper("edited");
    await sleeper("named", "--network", "back");
    await docker("exec", "edited", "sh", "-c", "echo '# mine' >> /etc/resolv.conf");
    try {
      await writeFile(ofHost, `nameserver 127.0.0.53\nnameserver ${GATEWAY}\nsearch example.net\n`);
      await eventually(
        "plain's new file",
        async () => (await resolv("plain")) === `nameserver ${GATEWAY}\nsearch example.net`,
      );
      expect(await resolv("edited")).toContain("# mine");
      expect(await resolv("edited")).not.toContain("example.net");
      await eventually(
        "named's new file",
        async () => (await resolv("named")) === "nameserver 127.0.0.11\nsearch example.net\noptions ndots:0",
      );
      await using server = await nameServer("192.0.2.8");
      expect(await found("named", "example.com")).toEqual(["192.0.2.8"]);
      expect(server.asked.length).toBeGreaterThan(0);
      // Also what changes while no daemon is there.
      await engine.kill();
      await writeFile(ofHost, "nameserver 192.0.2.99\n");
      await engine.start();
      await eventually("plain's new file", async () => (await resolv("plain")) === "nameserver 192.0.2.99");
    } finally {
      await writeFile(ofHost, before);
    }
  });
});
