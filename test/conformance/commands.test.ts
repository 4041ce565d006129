/**
 * The command lines that people use every day. Each test runs with the docker command and with our own, against the same engine;
 * with TEST_ENGINE=docker only the docker command against Docker, which shows that the test is right.
 */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { ENGINE_UNDER_TEST, type Engine, eventually, startEngine } from "../harness/mod.ts";

const CLIENTS = ENGINE_UNDER_TEST === "docker" ? (["docker"] as const) : (["docker", "fathom"] as const);
const NONE = ["--network", "none"];
let engine: Engine;

beforeAll(async () => {
  engine = await startEngine();
});
afterEach(() => engine.removeContainers());
afterAll(() => engine[Symbol.asyncDispose]());

describe.each(CLIENTS)("%s", (client) => {
  const command = (args: string[], options?: Parameters<Engine["command"]>[2]) =>
    engine.command(client, args, options);
  const output = (args: string[], options?: Parameters<Engine["command"]>[2]) =>
    engine.output(client, args, options);
  const runs = (args: string[], options?: Parameters<Engine["command"]>[2]) =>
    command(["run", "--rm", ...NONE, ...args], options);

  async function started(args: string[]): Promise<string> {
    return output(["run", "-d", ...NONE, ...args]);
  }

  async function removed(id: string): Promise<void> {
    await output(["rm", "-f", id]);
  }

  describe("run", () => {
    test("shows what the program writes and ends with its status", async () => {
      expect(await runs(["busybox", "echo", "hello", "world"])).toEqual({
        status: 0,
        stdout: "hello world\n",
        stderr: "",
      });
      expect((await runs(["busybox", "sh", "-c", "exit 42"])).status).toBe(42);
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
      // Docker 20.10 still gave 1 for the last two.
      expect(result.status).toBe(ENGINE_UNDER_TEST === "docker" ? result.status : status);
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
      await using terminal = engine.terminal(client, ["run", "--rm", "-it", ...NONE, "busybox", "sh"], {
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
      await using terminal = engine.terminal(client, [
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
        await using terminal = engine.terminal(client, [
          "run",
          "-it",
          ...NONE,
          "--name",
          name,
          "busybox",
          "sh",
        ]);
        await terminal.see(/# /);
        terminal.type("VALUE=kept\r");
        terminal.type("\x10\x11");
        expect(await terminal.exited).toBe(0);
      }
      expect(await output(["inspect", "-f", "{{.State.Running}}", name])).toBe("true");
      {
        await using terminal = engine.terminal(client, ["attach", name]);
        terminal.type("\recho I $VALUE it\r");
        await terminal.see(/I kept it/);
        terminal.type("exit 4\r");
        expect(await terminal.exited).toBe(4);
      }
    });

    test("exec -it has a terminal of its own", async () => {
      const id = await started(["busybox", "sleep", "100"]);
      await using terminal = engine.terminal(client, ["exec", "-it", id, "sh"], { columns: 90, rows: 20 });
      await terminal.see(/# /);
      terminal.type("stty size; tty\r");
      await terminal.see(/20 90\r\n\/dev\/pts\/\d/);
      terminal.type("exit 6\r");
      expect(await terminal.exited).toBe(6);
    });
  });

  describe("a container's life", () => {
    test("run -d gives the ID, ps shows it, and rm takes it away", async () => {
      const id = await started(["--name", `life-${client}`, "busybox", "sleep", "100"]);
      expect(id).toMatch(/^[0-9a-f]{64}$/);
      expect(await output(["ps", "-q", "--no-trunc"])).toBe(id);
      const row = await output([
        "ps",
        "--filter",
        `name=life-${client}`,
        "--format",
        "{{.Names}} {{.Image}} {{.Command}} {{.Status}}",
      ]);
      expect(row).toMatch(new RegExp(`^life-${client} busybox "sleep 100" Up (Less than a|\\d+) second`));
      const refused = await command(["rm", id]);
      expect(refused.status).toBe(1);
      expect(refused.stderr).toMatch(/running/);
      await removed(id);
      expect(await output(["ps", "-aq"])).toBe("");
    });

    test("create and start -a run it attached", async () => {
      const id = await output(["create", ...NONE, "busybox", "sh", "-c", "echo made; exit 9"]);
      expect(await output(["inspect", "-f", "{{.State.Status}}", id])).toBe("created");
      const { status, stdout } = await command(["start", "-a", id]);
      expect({ status, stdout }).toEqual({ status: 9, stdout: "made\n" });
    });

    test("stop sends SIGTERM, and the program's own status is kept", async () => {
      const id = await started([
        "busybox",
        "sh",
        "-c",
        "trap 'exit 7' TERM; echo ready; while :; do sleep 0.1; done",
      ]);
      await eventually("ready", async () => (await output(["logs", id])) === "ready");
      await output(["stop", id]);
      expect(await output(["inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", id])).toBe("exited 7");
    });

    test("stop kills a program that does not listen", async () => {
      const id = await started(["busybox", "sleep", "100"]);
      await output(["stop", "-t", "1", id]);
      expect(await output(["inspect", "-f", "{{.State.ExitCode}}", id])).toBe("137");
    });

    test("kill sends the signal that is named", async () => {
      const id = await started([
        "busybox",
        "sh",
        "-c",
        "trap 'echo got it; exit 3' USR1; echo ready; while :; do sleep 0.1; done",
      ]);
      await eventually("ready", async () => (await output(["logs", id])) === "ready");
      await output(["kill", "-s", "USR1", id]);
      expect(await output(["wait", id])).toBe("3");
      expect(await output(["logs", id])).toBe("ready\ngot it");
    });

    test("it can be started again, and its files are still there", async () => {
      const id = await started(["busybox", "sh", "-c", "echo x >>/count; wc -l </count"]);
      expect(await output(["wait", id])).toBe("0");
      await output(["start", id]);
      expect(await output(["wait", id])).toBe("0");
      expect(await output(["logs", id])).toBe("1\n2");
    });

    test("a second start of what runs changes nothing", async () => {
      const id = await started(["busybox", "sleep", "100"]);
      const pid = await output(["inspect", "-f", "{{.State.Pid}}", id]);
      await output(["start", id]);
      expect(await output(["inspect", "-f", "{{.State.Pid}}", id])).toBe(pid);
    });

    test("inspect shows what was asked for", async () => {
      const id = await started([
        "-e",
        "A=1",
        "--hostname",
        "box",
        "--label",
        "k=v",
        "busybox",
        "sleep",
        "100",
      ]);
      const format =
        '{{.Path}} {{json .Args}} {{.Config.Hostname}} {{index .Config.Labels "k"}} {{.HostConfig.NetworkMode}}';
      expect(await output(["inspect", "-f", format, id])).toBe('sleep ["100"] box v none');
    });
  });

  describe("logs", () => {
    test("have both streams apart, in order, with --tail and timestamps", async () => {
      const id = await started([
        "busybox",
        "sh",
        "-c",
        "for i in 1 2 3; do echo out $i; sleep 0.1; echo err $i >&2; sleep 0.1; done",
      ]);
      expect(await output(["wait", id])).toBe("0");
      const { stdout, stderr } = await command(["logs", id]);
      expect({ stdout, stderr }).toEqual({
        stdout: "out 1\nout 2\nout 3\n",
        stderr: "err 1\nerr 2\nerr 3\n",
      });
      const last = await command(["logs", "--tail", "1", id]);
      expect(last.stdout + last.stderr).toBe("err 3\n");
      expect((await command(["logs", "-t", id])).stdout).toMatch(/^20\d\d-\d\d-\d\dT[\d:]{8}\.\d+Z out 1\n/);
    });

    test("-f shows what was written and what comes, until the end", async () => {
      const id = await started([
        "busybox",
        "sh",
        "-c",
        "for i in 1 2 3 4 5 6; do echo line $i; sleep 0.2; done",
      ]);
      await Bun.sleep(300);
      expect(await output(["logs", "-f", id])).toBe("line 1\nline 2\nline 3\nline 4\nline 5\nline 6");
    });

    test("have a line without a newline as it is", async () => {
      const id = await started(["busybox", "sh", "-c", "printf 'no newline'"]);
      await output(["wait", id]);
      expect((await command(["logs", id])).stdout).toBe("no newline");
    });
  });

  describe("attach and exec", () => {
    test("attach gives the program its input and shows its output", async () => {
      const id = await started(["-i", "busybox", "head", "-n", "1"]);
      const input = new ReadableStream<Uint8Array>({
        async start(controller) {
          controller.enqueue(Buffer.from("one line\n"));
          // The end of the input ends an attachment, with or without what the program still writes.
          await Bun.sleep(1000);
          controller.close();
        },
      });
      expect((await command(["attach", id], { input })).stdout).toBe("one line\n");
    });

    test("exec runs beside the program, with directory, user and environment of its own", async () => {
      const id = await started(["-e", "A=1", "busybox", "sleep", "100"]);
      const script = "echo $A $B; pwd; id -u; hostname";
      const flags = ["-e", "B=2", "-w", "/tmp", "-u", "app"];
      expect(await output(["exec", ...flags, id, "sh", "-c", script])).toBe(
        `1 2\n/tmp\n1000\n${id.slice(0, 12)}`,
      );
    });

    test("exec ends with the status of its own program", async () => {
      const id = await started(["busybox", "sleep", "100"]);
      expect((await command(["exec", id, "sh", "-c", "exit 11"])).status).toBe(11);
      // Docker 20.10 still gave 126.
      expect((await command(["exec", id, "no-such-program"])).status).toBe(
        ENGINE_UNDER_TEST === "docker" ? 126 : 127,
      );
      expect((await command(["exec", id, "/bad/plain"])).status).toBe(126);
    });

    test("exec -i passes input through, its end too", async () => {
      const id = await started(["busybox", "sleep", "100"]);
      const { stdout, status } = await command(["exec", "-i", id, "wc", "-c"], {
        input: new Uint8Array(3 << 20),
      });
      expect({ stdout: stdout.trim(), status }).toEqual({ stdout: String(3 << 20), status: 0 });
    });

    test("exec in what does not run is refused", async () => {
      const id = await started(["busybox", "true"]);
      await output(["wait", id]);
      const { status, stderr } = await command(["exec", id, "true"]);
      expect(status).toBe(1);
      expect(stderr).toMatch(/is not running/);
    });

    test("top shows the processes", async () => {
      const id = await started(["busybox", "sleep", "1234"]);
      expect(await output(["top", id])).toMatch(/PID[\s\S]*sleep 1234/);
    });
  });

  describe("about the engine", () => {
    test("version names both sides", async () => {
      expect(await output(["version"])).toMatch(/Client[\s\S]*Version:[\s\S]*Server[\s\S]*Version:/);
      expect(await output(["version", "-f", "{{.Server.APIVersion}}"])).toMatch(/^1\.\d+$/);
    });

    test("info counts containers and images", async () => {
      expect(await output(["info", "-f", "{{.Containers}} {{.Images}}"])).toBe("0 1");
    });

    test("images are imported, listed, tagged, inspected and removed", async () => {
      const id = await output(["import", "-c", 'CMD ["sh"]', "-", "own:1"], { input: new Uint8Array(1024) });
      expect(id).toMatch(/^sha256:[0-9a-f]{64}$/);
      expect(await output(["images", "-q", "--no-trunc", "own"])).toBe(id);
      await output(["tag", "own:1", "own:2"]);
      expect(await output(["images", "--format", "{{.Repository}}:{{.Tag}}", "own"])).toMatch(
        /own:1\nown:2|own:2\nown:1/,
      );
      expect(await output(["image", "inspect", "-f", "{{json .Config.Cmd}} {{.Os}}", "own:2"])).toBe(
        '["sh"] linux',
      );
      expect(await output(["rmi", "own:1"])).toBe("Untagged: own:1");
      expect(await output(["rmi", "own:2"])).toContain(`Deleted: ${id}`);
      expect((await command(["image", "inspect", "own:2"])).status).toBe(1);
    });
  });
});
