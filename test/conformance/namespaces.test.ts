/** Namespaces that containers share with the host and with each other: what they see of them, and what is refused. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { readlink } from "node:fs/promises";
import { hostname } from "node:os";
import { type Engine, startEngine } from "../harness/mod.ts";
import { CLIENTS, commandLine, NONE, ON_DOCKER } from "./client.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterEach(() => engine.removeContainers());
afterAll(() => engine[Symbol.asyncDispose]());

const NAMES = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"] as const;
const LINKS = NAMES.map((name) => `readlink /proc/self/ns/${name}`).join(";");

describe.each(CLIENTS)("%s", (client) => {
  const { command, output, runs, started } = commandLine(client, () => engine);
  const stdout = async (args: string[]) => (await runs(args)).stdout.trimEnd();
  /** The namespaces that a container shares with this process: the host's. */
  const ofHost = async (flags: string[]): Promise<string[]> => {
    const args = ["run", "--rm", ...flags, "busybox", "sh", "-c", LINKS];
    const seen = (await output(args)).split("\n");
    const own = await Promise.all(NAMES.map((name) => readlink(`/proc/self/ns/${name}`)));
    return NAMES.filter((_, index) => seen[index] === own[index]);
  };
  const said = async (args: string[]) => {
    const { status, stderr } = await command(["run", "--rm", ...args, "busybox", "true"]);
    return { status, stderr: stderr.split("\n")[0] };
  };
  const refusal = (sentence: string) => ({
    status: 125,
    stderr: `docker: Error response from daemon: ${sentence}`.replace(/^docker/, client),
  });

  describe("of the host", () => {
    test("are the user's alone by default, and on cgroup v1 the control groups'", async () => {
      expect((await ofHost(NONE)).filter((name) => name !== "cgroup")).toEqual(["user"]);
      expect(await ofHost([...NONE, "--cgroupns", "host"])).toEqual(["cgroup", "user"]);
      expect(await ofHost([...NONE, "--cgroupns", "private"])).toEqual(["user"]);
    });
    test("with --pid host, a container sees the host's processes", async () => {
      expect(await ofHost([...NONE, "--cgroupns", "private", "--pid", "host"])).toEqual(["pid", "user"]);
      const seen = await stdout(["--pid", "host", "busybox", "cat", `/proc/${process.pid}/comm`]);
      expect(seen).toBe((await Bun.file(`/proc/${process.pid}/comm`).text()).trim());
    });
    test("with --uts host, it has the host's name, and may not be given another", async () => {
      expect(await ofHost([...NONE, "--cgroupns", "private", "--uts", "host"])).toEqual(["user", "uts"]);
      expect(await stdout(["--uts", "host", "busybox", "hostname"])).toBe(hostname());
      expect(await said([...NONE, "--uts", "host", "-h", "x"])).toEqual(
        refusal("conflicting options: hostname and the UTS mode"),
      );
    });
    // Docker leaves a mount of that behind.
    test.skipIf(ON_DOCKER)("with --network host, it has the host's interfaces", async () => {
      expect(await ofHost(["--cgroupns", "private", "--network", "host"])).toEqual(["net", "user"]);
    });
    test("with --ipc host, it has the host's shared memory", async () => {
      expect(await ofHost([...NONE, "--cgroupns", "private", "--ipc", "host"])).toEqual(["ipc", "user"]);
      const file = `/dev/shm/fathom-test-${process.pid}`;
      await Bun.write(file, "shared");
      try {
        expect(await stdout(["--ipc", "host", "busybox", "cat", file])).toBe("shared");
      } finally {
        await Bun.file(file).delete();
      }
    });
    test("with --cgroupns private, its own group is the root of all it sees", async () => {
      const groups = await stdout(["--cgroupns", "private", "busybox", "cat", "/proc/self/cgroup"]);
      for (const line of groups.split("\n").filter((group) => group.includes(":memory:")))
        expect(line).toMatch(/:\/$/);
    });
  });

  describe("of another container", () => {
    test("its processes are seen with --pid container:X", async () => {
      const id = await started(["busybox", "sleep", "4321"]);
      expect(await stdout(["--pid", `container:${id}`, "busybox", "cat", "/proc/1/cmdline"])).toBe(
        "sleep\x004321\x00",
      );
    });
    test("its network is shared with --network container:X, and its name with that", async () => {
      const id = await started(["busybox", "sleep", "100"]);
      const look = ["sh", "-c", "readlink /proc/self/ns/net; hostname"];
      const own = await output(["exec", id, ...look]);
      expect(await output(["run", "--rm", "--network", `container:${id}`, "busybox", ...look])).toBe(own);
    });
    test("its shared memory is shared with --ipc container:X, when it is shareable", async () => {
      const id = await started(["--ipc", "shareable", "--shm-size", "1m", "busybox", "sleep", "100"]);
      const join = ["--ipc", `container:${id}`, "busybox", "sh", "-c"];
      await output(["exec", id, "sh", "-c", "echo from-one >/dev/shm/a"]);
      expect(
        await stdout([...join, "cat /dev/shm/a; echo from-two >/dev/shm/b; df -k /dev/shm | tail -1"]),
      ).toMatch(/^from-one\nshm +1024 /);
      expect(await output(["exec", id, "sh", "-c", "cat /dev/shm/b; readlink /proc/self/ns/ipc"])).toBe(
        `from-two\n${await stdout([...join, "readlink /proc/self/ns/ipc"])}`,
      );
      await output(["restart", "-t", "0", id]);
      expect(await output(["exec", id, "ls", "/dev/shm"])).toBe("");
    });
    test("its shared memory is its own by default, and with --ipc none there is none", async () => {
      const id = await started(["busybox", "sleep", "100"]);
      expect(await said([...NONE, "--ipc", `container:${id}`])).toEqual(
        refusal(
          `can't join IPC of container ${id}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
        ),
      );
      expect(await stdout(["--ipc", "none", "busybox", "sh", "-c", "ls /dev | grep -c shm; true"])).toBe("0");
    });
    test("is refused in Docker's words when that does not run", async () => {
      const id = await output(["create", ...NONE, "busybox", "true"]);
      expect(await said(["--network", `container:${id}`])).toEqual(
        refusal(`cannot join network of a non running container: ${id}`),
      );
      expect(await said([...NONE, "--pid", `container:${id}`])).toEqual(
        refusal(`container ${id} is not running`),
      );
      expect(await said([...NONE, "--ipc", `container:${id}`])).toEqual(
        refusal(`can't join IPC of container ${id}: container ${id} is not running`),
      );
      expect(await said([...NONE, "--ipc", "container:nobody"])).toEqual(
        refusal("No such container: nobody"),
      );
    });
  });
});
