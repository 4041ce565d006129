/** A container's life from the command line: start, stop, logs, attach, exec. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { type Engine, eventually, startEngine } from "../harness/mod.ts";
import { CLIENTS, commandLine, NONE, ON_DOCKER } from "./client.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterEach(() => engine.removeContainers());
afterAll(() => engine[Symbol.asyncDispose]());

describe.each(CLIENTS)("%s", (client) => {
  const { command, output, started, removed } = commandLine(client, () => engine);

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
      expect((await command(["exec", id, "no-such-program"])).status).toBe(ON_DOCKER ? 126 : 127);
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
});
