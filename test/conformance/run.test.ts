/** `run`: streams, statuses, terminals. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { type Engine, startEngine } from "../harness/mod.ts";
import { CLIENTS, commandLine, NONE, ON_DOCKER } from "./client.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterEach(() => engine.removeContainers());
afterAll(() => engine[Symbol.asyncDispose]());

describe.each(CLIENTS)("%s", (client) => {
  const { command, output, runs, started, inTerminal } = commandLine(client, () => engine);

  describe("run", () => {
    test("shows what the program writes and ends with its status", async () => {
      expect(await runs(["busybox", "echo", "hello", "world"])).toEqual({
        status: 0,
        stdout: "hello world\n",
        stderr: "",
      });
      expect((await runs(["busybox", "sh", "-c", "exit 42"])).status).toBe(42);
    });

    test("shows a line that is written in pieces once", async () => {
      const script = "for i in 1 2 3 4 5 6 7 8 9; do printf a; ls / | head -c 0; printf 'b%s\\n' $i; done";
      const lines = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((number) => `ab${number}\n`).join("");
      for (let run = 0; run < 10; run++)
        expect((await runs(["busybox", "sh", "-c", script])).stdout).toBe(lines);
    });

    test("keeps standard output and standard error apart", async () => {
      const { stdout, stderr } = await runs(["busybox", "sh", "-c", "echo out; echo err >&2"]);
      expect({ stdout, stderr }).toEqual({ stdout: "out\n", stderr: "err\n" });
    });

    test("gives the environment, directory, host name and user that were asked for", async () => {
      const script = "echo $A $HOME; pwd; hostname; id -u; id -g";
      const flags = ["-e", "A=b c", "-w", "/tmp", "--hostname", "box", "-u", "1000:1000"];
      const { stdout } = await runs([...flags, "busybox", "sh", "-c", script]);
      expect(stdout).toBe("b c /home\n/tmp\nbox\n1000\n1000\n");
    });

    test("has an ID's beginning as the host name where none is given", async () => {
      const id = await started(["busybox", "hostname"]);
      expect(await output(["wait", id])).toBe("0");
      expect(await output(["logs", id])).toBe(id.slice(0, 12));
    });

    test("--entrypoint replaces the program and keeps the arguments", async () => {
      expect((await runs(["--entrypoint", "/bin/echo", "busybox", "a", "b"])).stdout).toBe("a b\n");
    });

    test.each([
      ["a program that does not exist", 127, ["no-such-program"], /no-such-program/],
      ["a program by a path that does not exist", 127, ["/no/such/program"], /no\/such\/program/],
      ["a file that is not executable", 126, ["/bad/plain"], /permission denied/i],
      ["a directory", 126, ["/bin"], /permission denied|is a directory/i],
      ["a program for another processor", 126, ["/bad/architecture"], /exec format error/i],
      ["a script whose interpreter is missing", 127, ["/bad/interpreter"], /no such file/i],
    ])("says why for %s, and ends with %d", async (_, status, args, message) => {
      const result = await runs(["busybox", ...args]);
      expect(result.stdout).toBe("");
      expect(result.stderr).toMatch(message);
      // Docker 20.10 gave 1 for the last two. The docker command knows no exec format error.
      const itsOwn = ON_DOCKER || (client === "docker" && args[0] === "/bad/architecture");
      expect(result.status).toBe(itsOwn ? result.status : status);
      expect(await output(["ps", "-aq"])).toBe("");
    });

    test("ends with 125 when the engine refuses", async () => {
      const { status, stderr } = await command([
        "run",
        "--rm",
        "--network",
        "container:nobody",
        "busybox",
        "true",
      ]);
      expect(stderr).toMatch(/nobody/);
      expect(status).toBe(125);
    });

    test("refuses a name in use with Docker's words", async () => {
      const id = await started(["--name", "taken", "busybox", "true"]);
      const { status, stderr } = await command(["run", ...NONE, "--name", "taken", "busybox", "true"]);
      expect(status).toBe(125);
      expect(stderr).toContain(
        `Conflict. The container name "/taken" is already in use by container "${id}"`,
      );
    });

    test("passes 100 MB through and ends when its input ends", async () => {
      const data = new Uint8Array(100 << 20).map((_, index) => (index * 31) >> 3);
      const digest = new Bun.CryptoHasher("sha256").update(data).digest("hex");
      const { stdout } = await runs(["-i", "busybox", "sha256sum"], { input: data, timeout: 120_000 });
      expect(stdout).toBe(`${digest}  -\n`);
    });

    test("gives all of 100 MB that the program writes", async () => {
      const script = "dd if=/dev/zero bs=1M count=100 2>/dev/null";
      const { stdout, status } = await runs(["--log-driver", "none", "busybox", "sh", "-c", script], {
        timeout: 120_000,
      });
      expect(stdout.length).toBe(100 << 20);
      expect(status).toBe(0);
    });

    test("without -i gives the program no input", async () => {
      expect((await runs(["busybox", "cat"], { input: "never read\n" })).stdout).toBe("");
    });
  });

  describe("in a terminal", () => {
    test("the program has the terminal's size, also when it changes", async () => {
      await using terminal = inTerminal(["run", "--rm", "-it", ...NONE, "busybox", "sh"], {
        columns: 100,
        rows: 30,
      });
      await terminal.see(/# /);
      terminal.type("stty size\r");
      await terminal.see(/30 100/);
      terminal.resize(120, 40);
      await Bun.sleep(300);
      terminal.type("stty size\r");
      await terminal.see(/40 120/);
      terminal.type("exit 5\r");
      expect(await terminal.exited).toBe(5);
    });

    test("Ctrl-C interrupts the program and its status comes back", async () => {
      await using terminal = inTerminal([
        "run",
        "--rm",
        "-it",
        ...NONE,
        "busybox",
        "sh",
        "-c",
        "trap 'exit 33' INT; echo ready; while :; do sleep 0.1; done",
      ]);
      await terminal.see(/ready/);
      terminal.type("\x03");
      expect(await terminal.exited).toBe(33);
    });

    test("the detach keys leave the program running, and attach comes back to it", async () => {
      const name = `detached-${client}`;
      {
        await using terminal = inTerminal(["run", "-it", ...NONE, "--name", name, "busybox", "sh"]);
        await terminal.see(/# /);
        terminal.type("VALUE=kept\r");
        terminal.type("\x10\x11");
        expect(await terminal.exited).toBe(0);
      }
      expect(await output(["inspect", "-f", "{{.State.Running}}", name])).toBe("true");
      {
        await using terminal = inTerminal(["attach", name]);
        terminal.type("\recho I $VALUE it\r");
        await terminal.see(/I kept it/);
        terminal.type("exit 4\r");
        expect(await terminal.exited).toBe(4);
      }
    });

    test("exec -it has a terminal of its own", async () => {
      const id = await started(["busybox", "sleep", "100"]);
      await using terminal = inTerminal(["exec", "-it", id, "sh"], { columns: 90, rows: 20 });
      await terminal.see(/# /);
      terminal.type("stty size; tty\r");
      await terminal.see(/20 90\r\n\/dev\/pts\/\d/);
      terminal.type("exit 6\r");
      expect(await terminal.exited).toBe(6);
    });
  });
});
