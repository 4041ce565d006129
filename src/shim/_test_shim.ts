/**
 * A shim whose runtime runs programs on the host, without namespaces or control group: what the shim does with streams,
 * signals and ends does not depend on them.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Call, text, texts } from "../kernel/call.ts";
import { Cgroup, cgroupLayout } from "../kernel/cgroup.ts";
import { closeFd } from "../kernel/file.ts";
import { openPty, setWindowSize, TTY } from "../kernel/pty.ts";
import { spawn } from "../kernel/spawn.ts";
import { type Runtime, RuntimeError, type Started, type Stdio } from "../runtime/runtime.ts";
import type { Process } from "../spec/oci_runtime.ts";
import { main } from "./main.ts";

const host: Runtime = {
  run: async (container, stdio) => {
    const config: { process: Process } = JSON.parse(
      readFileSync(join(container.bundle, "config.json"), "utf8"),
    );
    const started = start(config.process, stdio);
    return {
      ...started,
      container,
      cgroup: new Cgroup("/fathom-test", cgroupLayout(), []),
    };
  },
  exec: async (_, process, stdio) => start(process, stdio),
  remove: async () => undefined,
};

function start(process: Process, stdio: Stdio): Started {
  const [program = ""] = process.args;
  if (!program.startsWith("/"))
    throw new RuntimeError("invalid", `exec: "${program}": executable file not found in $PATH`, {
      exitCode: 127,
    });
  const run: Call = { call: "execve", args: [text(program), texts(process.args), texts(process.env)] };
  if (!("terminal" in stdio)) {
    const rows = [stdio.stdin, stdio.stdout, stdio.stderr].map((fd, index) => duplicate(fd, index));
    return spawn([...rows, run], { namespaces: 0, memory: "shared", by: "container" });
  }
  const { master, slave } = openPty();
  setWindowSize(master, stdio.terminal.columns ?? 80, stdio.terminal.rows ?? 24);
  const control: Call[] = [
    { call: "setsid", args: [] },
    { call: "ioctl", args: [slave, TTY.TIOCSCTTY, 0] },
  ];
  const child = spawn([...control, ...[0, 1, 2].map((index) => duplicate(slave, index)), run], {
    namespaces: 0,
    memory: "shared",
    by: "container",
  });
  closeFd(slave);
  return { ...child, terminal: master };
}

function duplicate(fd: number, target: number): Call {
  return { call: "dup3", args: [fd, target, 0] };
}

process.exit(await main(process.argv.slice(2), { runtimes: async () => host }));
