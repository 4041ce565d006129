/** What flags and commands make of a container's life, as far as the other suites do not show it. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Engine, eventually, startEngine } from "../harness/mod.ts";
import { CLIENTS, commandLine, NONE, ON_DOCKER } from "./client.ts";

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterEach(() => engine.removeContainers());
afterAll(() => engine[Symbol.asyncDispose]());

const FOREVER = "while :; do sleep 0.05; done";

async function file(name: string, text: string): Promise<string> {
  const path = join(engine.root, name);
  await writeFile(path, text);
  return path;
}

describe.each(CLIENTS)("%s", (client) => {
  const { command, output, runs, started, inTerminal } = commandLine(client, () => engine);

  async function ready(id: string): Promise<void> {
    await eventually("ready", async () => (await output(["logs", id])).startsWith("ready"));
  }

  test("files of variables: comments, a byte order mark, values of our own and names without one", async () => {
    const path = await file("env", "\uFEFF# no\nA=1\n  B=two words \nOURS\nNOT_SET_ANYWHERE\nC=\n");
    const args = ["--env-file", path, "-e", "D", "busybox", "env"];
    const { stdout } = await runs(args, { env: { OURS: "here" } });
    const lines = stdout.split("\n").filter((line) => /^(?:[A-D]|OURS|NOT_SET.*)=/.test(line));
    expect(lines.sort()).toEqual(["A=1", "B=two words ", "C=", "OURS=here"]);
    const bad = await runs(["--env-file", await file("bad", "a b=1\n"), "busybox", "env"]);
    expect(bad.status).toBe(125);
    expect(bad.stderr).toContain("variable 'a b' contains whitespaces");
  });

  test("files of labels, which flags add to", async () => {
    const path = await file("labels", "a=1\n# no\nb\n");
    const id = await output(["create", ...NONE, "--label-file", path, "--label", "c=3", "busybox", "true"]);
    const labels = JSON.parse(await output(["inspect", "-f", "{{json .Config.Labels}}", id]));
    expect(labels).toMatchObject({ a: "1", c: "3" });
    // A name alone passes nothing on: there is no label of ours.
    expect(labels.b).toBeUndefined();
  });

  test("--cidfile holds the ID, and one that is there is not overwritten", async () => {
    const path = join(engine.root, `cid-${client}`);
    const args = ["create", ...NONE, "--cidfile", path, "busybox", "true"];
    const id = await output(args);
    expect(await Bun.file(path).text()).toBe(id);
    const again = await command(args);
    expect(again.status).not.toBe(0);
    expect(again.stderr.toLowerCase()).toContain("container id file found");
  });

  test("a signal and a time of its own stop it, a negative time waits for ever", async () => {
    const script = `trap 'echo got; exit 4' USR1; echo ready; ${FOREVER}`;
    const id = await started([
      "--stop-signal",
      "USR1",
      "--stop-timeout",
      "-1",
      "busybox",
      "sh",
      "-c",
      script,
    ]);
    await ready(id);
    await output(["stop", id]);
    expect(await output(["inspect", "-f", "{{.State.ExitCode}}", id])).toBe("4");
  });

  test("kill takes real-time signals by name, and refuses what is none", async () => {
    const id = await started(["busybox", "sh", "-c", `trap 'exit 6' 37; echo ready; ${FOREVER}`]);
    await ready(id);
    expect((await command(["kill", "-s", "FOO", id])).stderr).toContain("Invalid signal: FOO");
    await output(["kill", "-s", "RTMIN+3", id]);
    expect(await output(["wait", id])).toBe("6");
    expect((await command(["kill", id])).stderr).toContain("is not running");
  });

  test("a wait for the removal is over when it is removed, and one for the next end when it ends", async () => {
    const id = await output(["create", ...NONE, "busybox", "sh", "-c", "exit 3"]);
    const wait = (condition: string) =>
      engine.request("POST", `/containers/${id}/wait?condition=${condition}`);
    const [next, removed] = [wait("next-exit"), wait("removed")];
    await Bun.sleep(100);
    await output(["start", id]);
    expect((await next).json).toMatchObject({ StatusCode: 3 });
    await output(["rm", id]);
    expect((await removed).json).toMatchObject({ StatusCode: 3 });
    expect((await wait("sometime")).status).toBe(ON_DOCKER ? 404 : 400);
    expect((await wait("")).status).toBe(404);
  });

  test("outputs are attached to as asked for", async () => {
    const script = ["busybox", "sh", "-c", "echo out; echo err >&2"];
    expect(await runs(["-a", "stdout", ...script])).toMatchObject({ stdout: "out\n", stderr: "" });
    expect(await runs(["-a", "stderr", ...script])).toMatchObject({ stdout: "", stderr: "err\n" });
    const typed = await runs(["-i", "-a", "stdin", "-a", "stdout", "busybox", "cat"], { input: "in\n" });
    expect(typed.stdout).toBe("in\n");
    const both = await command(["run", "-d", "-a", "stdout", ...NONE, "busybox", "true"]);
    expect(both.stderr.toLowerCase()).toContain("conflicting options");
  });

  test("start -a -i attaches to what was created with an open input", async () => {
    const id = await output(["create", "-i", ...NONE, "busybox", "cat"]);
    expect((await command(["start", "-a", "-i", id], { input: "yes\n" })).stdout).toBe("yes\n");
  });

  test("restart sends a signal of one's choice first", async () => {
    const script = `trap 'echo usr2; exit 0' USR2; echo ready; ${FOREVER}`;
    const id = await started(["busybox", "sh", "-c", script]);
    await ready(id);
    const args = ON_DOCKER ? ["restart", "-t", "0"] : ["restart", "-s", "USR2"];
    await output([...args, id]);
    expect(await output(["inspect", "-f", "{{.State.Status}} {{.RestartCount}}", id])).toBe("running 0");
    if (!ON_DOCKER) expect(await output(["logs", id])).toStartWith("ready\nusr2\n");
  });

  test("an entry point of nothing leaves the command alone", async () => {
    expect((await runs(["--entrypoint", "", "busybox", "echo", "hi"])).stdout).toBe("hi\n");
    expect((await runs(["--entrypoint", "/bin/echo", "busybox", "hi"])).stdout).toBe("hi\n");
  });

  test("identity and limits are the program's", async () => {
    const script =
      "id -G; cat /proc/self/oom_score_adj; ulimit -n; hostname; cat /proc/sys/kernel/domainname";
    const { stdout } = await runs([
      ...[
        "--group-add",
        "extra",
        "--group-add",
        "77",
        "--oom-score-adj",
        "500",
        "--ulimit",
        "nofile=100:200",
      ],
      ...["-h", "host", "--domainname", "example.org", "busybox", "sh", "-c", script],
    ]);
    expect(stdout).toBe("0 77 2000\n500\n100\nhost\nexample.org\n");
    const unknown = await runs(["--group-add", "nobodies", "busybox", "true"]);
    expect(unknown.stderr).toContain("Unable to find group nobodies: no matching entries in group file");
  });

  describe("exec", () => {
    test("with more privileges has more capabilities, as another user none", async () => {
      const id = await started(["--cap-drop", "all", "busybox", "sleep", "100"]);
      const effective = async (...flags: string[]) =>
        output(["exec", ...flags, id, "sh", "-c", "grep CapEff /proc/self/status | cut -f2"]);
      expect(await effective()).toMatch(/^0+$/);
      expect(await effective("-u", "app")).toMatch(/^0+$/);
      // Docker asks for all, which a host that lacks one refuses.
      if (!ON_DOCKER) expect(await effective("--privileged")).not.toMatch(/^0+$/);
    });

    test("is listed while it runs, and tells its beginning and end by events", async () => {
      const begin = String(Math.floor(Date.now() / 1000));
      const id = await started(["busybox", "sleep", "100"]);
      await output(["exec", "-d", id, "sleep", "0.3"]);
      expect(await output(["inspect", "-f", "{{len .ExecIDs}}", id])).toBe("1");
      await eventually("its end", async () => {
        const ids = await output(["inspect", "-f", "{{json .ExecIDs}}", id]);
        return ids === "null";
      });
      const events = await output([
        ...["events", "--since", begin, "--until", String(Math.ceil(Date.now() / 1000) + 1)],
        ...["--filter", `container=${id}`, "--format", "{{.Action}}"],
      ]);
      expect(events.split("\n").filter((action) => action.startsWith("exec"))).toEqual([
        "exec_create: sleep 0.3",
        "exec_start: sleep 0.3",
        "exec_die",
      ]);
    });

    test("that is left by the keys goes on, and an event tells", async () => {
      const begin = String(Math.floor(Date.now() / 1000));
      const id = await started(["busybox", "sleep", "100"]);
      await using terminal = inTerminal([
        "exec",
        "-it",
        "--detach-keys",
        "ctrl-x",
        id,
        "sh",
        "-c",
        "echo ready; sleep 50",
      ]);
      await terminal.see(/ready/);
      terminal.type("\x18");
      await terminal.exited;
      expect(await output(["inspect", "-f", "{{len .ExecIDs}}", id])).toBe("1");
      const events = await output([
        ...["events", "--since", begin, "--until", String(Math.ceil(Date.now() / 1000) + 1)],
        ...["--filter", `container=${id}`, "--format", "{{.Action}}"],
      ]);
      // The docker command looks for the keys itself, and the engine never sees them.
      expect(events.split("\n").includes("exec_detach")).toBe(client === "fathom");
    });

    test("is refused by what is paused, restarting or stopped, in words that say what to do", async () => {
      const name = `refusing-${client}`;
      const id = await started(["--name", name, "busybox", "sleep", "100"]);
      const refused = async (of: string) => (await command(["exec", of, "true"])).stderr;
      await output(["pause", id]);
      expect(await refused(name)).toContain(`Container ${name} is paused, unpause the container before exec`);
      await output(["unpause", id]);
      await output(["stop", "-t", "0", id]);
      expect(await refused(id)).toContain(`ontainer ${id} is not running`);
      const looping = await started(["--restart", "always", "busybox", "false"]);
      await eventually("a pause between two starts", async () =>
        (await refused(looping)).includes("is restarting, wait until the container is running"),
      );
    });
  });
});
