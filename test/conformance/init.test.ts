/** `--init`: a first process that hands signals on and reaps what is left. */

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
  const { command, output, runs, started, inTerminal } = commandLine(client, () => engine);

  test("it is the first process, and the program is its child with its own arguments", async () => {
    const { stdout } = await runs([
      "--init",
      "busybox",
      "sh",
      "-c",
      "tr '\\0' ' ' </proc/1/cmdline; echo; echo $PPID",
    ]);
    expect(stdout).toStartWith("/sbin/docker-init -- sh -c");
    expect(stdout).toEndWith("\n1\n");
  });

  test("the container ends as the program does, also for a user other than root and a read-only root", async () => {
    expect((await runs(["--init", "busybox", "sh", "-c", "exit 7"])).status).toBe(7);
    const killed = await runs(["--init", "busybox", "sh", "-c", "kill -9 $$"]);
    expect(killed.status).toBe(137);
    const other = await runs(["--init", "-u", "app", "--read-only", "busybox", "id", "-u"]);
    expect(other).toMatchObject({ status: 0, stdout: "1000\n" });
  });

  test("orphans are reaped", async () => {
    const script = "for i in 1 2 3; do (sleep 0.1 &); done; sleep 0.5; ps -o stat | grep -c Z; true";
    expect((await runs(["--init", "busybox", "sh", "-c", script])).stdout).toBe("0\n");
  });

  test("stop's signal reaches the program", async () => {
    const id = await started([
      ...["--init", "busybox", "sh", "-c"],
      "trap 'exit 5' TERM; echo ready; while :; do sleep 0.1; done",
    ]);
    await eventually("ready", async () => (await output(["logs", id])) === "ready");
    await output(["stop", id]);
    expect(await output(["inspect", "-f", "{{.State.ExitCode}} {{.HostConfig.Init}}", id])).toBe("5 true");
  });

  test("Ctrl-C on a terminal interrupts the program", async () => {
    const args = ["run", "--rm", "-it", ...NONE, "--init", "busybox", "sh", "-c"];
    await using terminal = inTerminal([
      ...args,
      "trap 'echo caught; exit 3' INT; echo ready; while :; do sleep 0.1; done",
    ]);
    await terminal.see(/ready/);
    terminal.type("\x03");
    await terminal.see(/caught/);
    expect(await terminal.exited).toBe(3);
  });

  test("a program that there is none of ends with 127", async () => {
    const { status, stderr } = await runs(["--init", "busybox", "nope"]);
    expect(status).toBe(127);
    if (!ON_DOCKER) expect(stderr).toContain('exec: "nope": executable file not found in $PATH');
    const plain = await runs(["--init", "busybox", "/bad/plain"]);
    expect(plain.status).toBe(126);
  });

  test("a program on a mount is found there by the init itself", async () => {
    const { status, stdout } = await runs([
      ...["--init", "-v", "/bin/busybox:/mounted/echo", "busybox", "/mounted/echo", "hello"],
    ]);
    expect({ status, stdout }).toEqual({ status: 0, stdout: "hello\n" });
    const none = await runs(["--init", "-v", "/bin/busybox:/mounted/echo", "busybox", "/mounted/nope"]);
    expect(none.status).toBe(127);
  });

  test("info names it", async () => {
    expect(await output(["info", "-f", "{{.InitBinary}}"])).toBe("docker-init");
    const plain = await command(["run", "--rm", ...NONE, "busybox", "ls", "/sbin/docker-init"]);
    expect(plain.status).toBe(1);
  });
});
