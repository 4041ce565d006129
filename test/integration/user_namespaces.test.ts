/** A daemon with --userns-remap: who a container's users are on the host, and what they can reach there. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Engine, startFathom } from "../harness/mod.ts";

const MAP = ["0", "200000", "65536"];
const NONE = ["--network", "none"];

let engine: Engine;
beforeAll(async () => {
  engine = await startFathom({
    args: ["--userns-remap", "daemon"],
    subordinateIds: "other:100000:65536\ndaemon:200000:65536\n",
  });
});
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
});

const docker = (...args: string[]) => engine.output("docker", args);
const run = (...args: string[]) => docker("run", "--rm", ...NONE, ...args);
const started = (...args: string[]) => docker("run", "-d", ...NONE, ...args, "busybox", "sleep", "600");
const uidMapOf = async (container: string): Promise<string[]> => {
  const pid = await docker("inspect", "-f", "{{.State.Pid}}", container);
  return (await readFile(`/proc/${pid}/uid_map`, "utf8")).trim().split(/\s+/);
};
const writtenBy = (id: string, path: string) => stat(join(engine.dataRoot, "containers", id, "rw", path));

describe("a container's root", () => {
  test("is a subordinate user of the host, and what it writes belongs to that", async () => {
    const id = await started();
    try {
      expect(await uidMapOf(id)).toEqual(MAP);
      expect(await docker("exec", id, "sh", "-c", "id -u; touch /made; chown 7:8 /made; touch /own")).toBe(
        "0",
      );
      expect(await writtenBy(id, "own")).toMatchObject({ uid: 200_000, gid: 200_000 });
      expect(await writtenBy(id, "made")).toMatchObject({ uid: 200_007, gid: 200_008 });
    } finally {
      await docker("rm", "-f", id);
    }
  });

  test("finds the image's files its own, changes them, and the image is as it was", async () => {
    const script = "stat -c %u /bin/busybox /etc/passwd; echo x >>/etc/passwd; stat -c %u /etc/passwd";
    expect(await run("busybox", "sh", "-c", script)).toBe("0\n0\n0");
    expect(
      await run(
        "--userns",
        "host",
        "busybox",
        "sh",
        "-c",
        "stat -c %u /etc/passwd; grep -c x$ /etc/passwd; true",
      ),
    ).toBe("0\n0");
  });

  test("cannot read or change what root of the host keeps in a bind mount", async () => {
    const directory = join(engine.root, "bound");
    await mkdir(directory);
    await writeFile(join(directory, "secret"), "host", { mode: 0o600 });
    const script = "cat /h/secret; rm /h/secret; touch /h/new; chmod 777 /h; chown 0 /h/secret";
    const { stderr } = await engine.command("docker", [
      ...["run", "--rm", ...NONE, "-v", `${directory}:/h`, "busybox", "sh", "-c", script],
    ]);
    expect(stderr.match(/Permission denied|Operation not permitted/g)).toHaveLength(5);
    expect(await readFile(join(directory, "secret"), "utf8")).toBe("host");
  });

  test("writes in a bind mount that belongs to it, as the user it is on the host", async () => {
    const directory = join(engine.root, "made-by-run");
    await run("-v", `${directory}:/h`, "busybox", "touch", "/h/new");
    expect(await stat(join(directory, "new"))).toMatchObject({ uid: 200_000, gid: 200_000 });
  });

  test("writes in a volume, new or copied up from the image, as the user it is on the host", async () => {
    await run(
      "-v",
      "own:/own",
      "-v",
      "copied:/etc",
      "busybox",
      "sh",
      "-c",
      "touch /own/new && chown 7 /own/new && touch /etc/new",
    );
    const places = await Promise.all(
      ["own/_data", "own/_data/new", "copied/_data", "copied/_data/passwd", "copied/_data/new"].map((path) =>
        stat(join(engine.dataRoot, "volumes", path)),
      ),
    );
    expect(places.map(({ uid }) => uid)).toEqual([200_000, 200_007, 200_000, 200_000, 200_000]);
  });

  test("may write the files the engine made for it", async () => {
    const script =
      "for f in hosts hostname resolv.conf; do echo '# own' >>/etc/$f && stat -c %u /etc/$f; done";
    expect(await run("busybox", "sh", "-c", script)).toBe("0\n0\n0");
  });
});

describe("a container with users of its own", () => {
  test("starts again with what it wrote", async () => {
    const id = await started();
    try {
      await docker("exec", id, "sh", "-c", "echo kept >/kept");
      await docker("restart", "-t", "0", id);
      expect(await docker("exec", id, "sh", "-c", "cat /kept; stat -c %u /kept")).toBe("kept\n0");
      expect(await uidMapOf(id)).toEqual(MAP);
    } finally {
      await docker("rm", "-f", id);
    }
  });

  test("has a user namespace of its own, beside others with the same users", async () => {
    const [one, two] = await Promise.all([started(), started()]);
    try {
      const [a, b] = await Promise.all(
        [one, two].map((id) => docker("exec", id, "readlink", "/proc/self/ns/user")),
      );
      expect(a).toMatch(/^user:\[\d+\]$/);
      expect(a).not.toBe(b ?? "");
    } finally {
      await docker("rm", "-f", one, two);
    }
  });

  test("shares the user namespace of a container whose network it shares", async () => {
    const id = await started();
    try {
      const namespaces = ["readlink", "/proc/self/ns/user", "/proc/self/ns/net"];
      const look = (...command: string[]) => [
        "sh",
        "-c",
        command
          .slice(1)
          .map((p) => `readlink ${p}`)
          .join(";"),
      ];
      expect(
        await docker("run", "--rm", "--network", `container:${id}`, "busybox", ...look(...namespaces)),
      ).toBe(await docker("exec", id, ...look(...namespaces)));
    } finally {
      await docker("rm", "-f", id);
    }
  });

  test("has a terminal, devices and shared memory that it can use", async () => {
    await using terminal = engine.terminal("docker", [
      ...["run", "--rm", "-it", ...NONE, "busybox", "sh", "-c"],
      "tty; echo x >/dev/null; touch /dev/shm/a; stat -c %u /dev/shm/a /dev/console",
    ]);
    await terminal.exited;
    expect(terminal.output.replaceAll("\r", "")).toBe("/dev/pts/0\n0\n0\n");
  });
});

describe("--userns host", () => {
  test("leaves a container the host's users", async () => {
    expect(await run("--userns", "host", "busybox", "cat", "/proc/self/uid_map")).toMatch(
      /^\s*0\s+0\s+4294967295$/,
    );
  });

  test("is what these need, as in Docker", async () => {
    const refusal = async (...args: string[]) =>
      (await engine.command("docker", ["create", ...args, "busybox", "true"])).stderr;
    expect(await refusal("--privileged")).toContain("privileged mode is incompatible with user namespaces");
    expect(await refusal("--network", "host")).toContain(
      "cannot share the host's network namespace when user namespaces are enabled",
    );
    expect(await refusal("--pid", "host")).toContain(
      "cannot share the host PID namespace when user namespaces are enabled",
    );
    await docker("rm", await docker("create", "--privileged", "--userns", "host", "busybox", "true"));
  });
});

describe("the daemon", () => {
  test("makes the user that `default` stands for, once, with IDs that nobody else has", async () => {
    const given = await readFile("/etc/passwd", "utf8");
    await using other = await startFathom({ args: ["--userns-remap", "default"], ownAccounts: true });
    const accounts = async () =>
      Promise.all(
        ["passwd", "group", "subuid", "subgid"].map(async (name) =>
          (await readFile(join(other.root, "etc", name), "utf8"))
            .split("\n")
            .filter((line) => line.startsWith("dockremap:")),
        ),
      );
    const made = await accounts();
    const [[user], [group], [uids], [gids]] = made as [[string], [string], [string], [string]];
    expect(user).toMatch(/^dockremap:x:\d+:\d+:.*:\/bin\/false$/);
    expect(group).toMatch(/^dockremap:x:\d+:$/);
    expect(uids).toMatch(/^dockremap:\d+:65536$/);
    expect(gids).toBe(uids);
    const first = uids.split(":")[1] ?? "";
    const map = await other.output("docker", [
      "run",
      "--rm",
      ...NONE,
      "busybox",
      "cat",
      "/proc/self/uid_map",
    ]);
    expect(map.trim().split(/\s+/)).toEqual(["0", first, "65536"]);
    await other.stop();
    await other.start();
    expect(await accounts()).toEqual(made);
    expect(await readFile("/etc/passwd", "utf8")).toBe(given);
  });

  test("says that it maps users", async () => {
    expect(await docker("info", "-f", "{{json .SecurityOptions}}")).toContain('"name=userns"');
  });

  test("refuses to start for a user without subordinate IDs, and says what to add", async () => {
    const failed = startFathom({
      args: ["--userns-remap", "bin"],
      subordinateIds: "daemon:200000:65536\n",
      bare: true,
    });
    expect(await failed.then(String, (error: Error) => error.message)).toContain(
      "/etc/subuid gives no IDs to bin: add a line like bin:231072:65536 there",
    );
  });
});

// Last, since the next daemon has a mount namespace of its own here, which the shims of the first do not share.
describe("a daemon that is killed", () => {
  test("leaves a container with users of its own to the next", async () => {
    const id = await started();
    await engine.kill();
    await engine.start();
    try {
      expect(await docker("exec", id, "cat", "/proc/self/uid_map")).toContain("200000");
    } finally {
      await docker("rm", "-f", id);
    }
  });
});
