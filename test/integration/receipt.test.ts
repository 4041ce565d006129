/** A receipt against strace: what the kernel was asked for stands in the receipt, and nothing else does. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { processesOf } from "../harness/leaks.ts";
import { type Engine, eventually, startFathom } from "../harness/mod.ts";

/** All calls of mounting, of namespaces, of identity, and of other programs. */
const CALLS =
  "mount,umount2,unshare,setns,clone3,pivot_root,sethostname,mknodat,capset,seccomp,execve,fsopen,fsconfig,fsmount,move_mount,open_tree,mount_setattr,write";

/** Traced to know whose child a process is. */
const MAKING = "clone,vfork,fork";

interface Seen {
  pid: string;
  call: string;
  args: string;
  error: string;
  result: string;
}

interface Step {
  call: string;
  args: string[];
  result: number;
  error?: string;
}

let engine: Engine;
let directory: string;
beforeAll(async () => {
  engine = await startFathom();
  directory = await mkdtemp("/tmp/fathom-test-strace-");
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

/** Watches the daemon, the shims it keeps ready and all that they start, while the work is done. */
async function traced(work: () => Promise<void>): Promise<Seen[]> {
  const file = join(directory, "trace");
  const ours = await processesOf({ root: engine.root, ids: new Set() });
  const pids = new Set([engine.pid, ...ours.map(({ pid }) => pid)]);
  const flags = ["-f", "-y", "-s", "4096", "-o", file, "-e", `trace=${CALLS},${MAKING}`];
  const strace = Bun.spawn(["strace", ...flags, ...[...pids].flatMap((pid) => ["-p", String(pid)])], {
    stderr: "pipe",
  });
  const reader = strace.stderr.getReader();
  let said = "";
  await eventually("strace's attachment", async () => {
    const { value } = await reader.read();
    said += new TextDecoder().decode(value);
    return [...pids].every((pid) => said.includes(`Process ${pid} attached`));
  });
  try {
    await work();
  } finally {
    strace.kill("SIGINT");
    await strace.exited;
  }
  return parseTrace(await readFile(file, "utf8"));
}

/** The calls of a trace, those that were interrupted by another process's lines put together again. */
function parseTrace(text: string): Seen[] {
  const begun = new Map<string, string>();
  return text.split("\n").flatMap((line) => {
    const [, pid = "", rest = ""] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    if (rest.endsWith(" <unfinished ...>")) {
      begun.set(pid, rest.slice(0, -" <unfinished ...>".length));
      return [];
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest)?.[1];
    const whole = resumed === undefined ? rest : `${begun.get(pid) ?? ""}${resumed}`;
    const [, call, args = "", result = "", error = ""] =
      /^(\w+)\((.*)\)\s+= (-?\w+)(?: ([A-Z]\w+))?/.exec(whole) ?? [];
    return call === undefined ? [] : [{ pid, call, args, error, result }];
  });
}

/**
 * Without the shim that is made ready for the next container meanwhile and all that it makes, and without rehearsals, by which a
 * waiting shim warms up: processes that end without having executed anything.
 */
function withoutPreparations(seen: readonly Seen[]): Seen[] {
  const spare = new Set(
    seen.filter(({ call, args }) => call === "execve" && args.includes('"shim"')).map(({ pid }) => pid),
  );
  const executing = new Set(seen.filter(({ call }) => call === "execve").map(({ pid }) => pid));
  return seen.filter(({ pid, call, result }) => {
    if (spare.has(pid) && /^(clone3?|v?fork)$/.test(call)) spare.add(result);
    return !spare.has(pid) && (call !== "clone3" || executing.has(result));
  });
}

/** Effects on the kernel: no thread of the runtime, and no output. A write is one if it goes to cgroupfs, sysfs or procfs. */
function isEffect({ call, args }: Seen): boolean {
  // A mount that has no place yet shows its own root: /1/oom_score_adj.
  if (call === "write") return /^\d+<\/((proc|sys|self|\d+)\/)/.test(args);
  if (call === "clone3") return !args.includes("CLONE_THREAD");
  return CALLS.split(",").includes(call);
}

/** A call by its name, the texts that are its main arguments, and its error. */
function keyOf({ call, args, error }: Omit<Seen, "pid" | "result">): string {
  const texts = [...args.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map((match) => match[1] ?? "");
  const main =
    call === "write" ? texts.slice(-1) : texts.slice(0, call === "execve" || call === "clone3" ? 1 : 2);
  return `${call}(${main.map((text) => text.replace(/\\n$/, "")).join(", ")}) ${error}`.trim();
}

const fromReceipt = (step: Step) => ({
  call: step.call,
  args: step.args.join(", "),
  error: step.error ?? "",
});

async function receiptOf(id: string): Promise<Step[]> {
  const { json } = await engine.request("GET", `/containers/${id}/receipt`);
  return (json as { Steps: Step[] }).Steps;
}

test("holds every call that strace sees from create to exit, and no other", async () => {
  const flags = [
    "--network",
    "none",
    "--memory",
    "64m",
    "--hostname",
    "box",
    "-u",
    "app",
    "--tmpfs",
    "/scratch",
  ];
  let id = "";
  const seen = await traced(async () => {
    id = await engine.output("docker", ["run", "-d", ...flags, "busybox", "sh", "-c", "exit 3"]);
    expect(await engine.output("docker", ["wait", id])).toBe("3");
    await Bun.sleep(300);
  });
  const calls = CALLS.split(",");
  const expected = withoutPreparations(seen).filter(isEffect).map(keyOf).sort();
  const told = (await receiptOf(id))
    .map(fromReceipt)
    .filter(({ call }) => calls.includes(call))
    .filter((step) => !step.args.includes('"shim"'));
  expect(expected.length).toBeGreaterThan(40);
  for (const call of [
    "clone3",
    "fsmount",
    "move_mount",
    "mknodat",
    "pivot_root",
    "capset",
    "seccomp",
    "execve",
    "sethostname",
  ])
    expect(seen.map((one) => one.call)).toContain(call);
  expect(told.map(keyOf).sort()).toEqual(expected);
});

test("is told as a story on one screen, with commands that work", async () => {
  const id = await engine.output("docker", ["run", "-d", "--network", "none", "busybox", "sleep", "100"]);
  const { text } = await engine.request("GET", `/containers/${id}/receipt?format=text`);
  const lines = text.trimEnd().split("\n");
  expect(lines.length).toBeLessThanOrEqual(25);
  expect(text).not.toContain("FAILED");
  const commands = lines.flatMap((line) => /^ {5}\$ (.*)$/.exec(line)?.[1] ?? []);
  expect(commands.length).toBeGreaterThanOrEqual(5);
  for (const command of commands) {
    const { exitCode, stdout } = Bun.spawnSync(["sh", "-c", command]);
    expect({ command, exitCode, silent: stdout.length === 0 }).toEqual({
      command,
      exitCode: 0,
      silent: false,
    });
  }
  await engine.removeContainers();
});

test("names the row that failed", async () => {
  const id = await engine.output("docker", ["create", "--network", "none", "busybox", "/bad/plain"]);
  await engine.command("docker", ["start", id]);
  const { text } = await engine.request("GET", `/containers/${id}/receipt?format=text`);
  expect(text).toMatch(
    /FAILED at step \d+, container: execute \/bad\/plain: EACCES by execve\("\/bad\/plain"/,
  );
  await engine.removeContainers();
});

test("is told as it happens, to the end", async () => {
  const id = await engine.output("docker", [
    "create",
    "--network",
    "none",
    "busybox",
    "sh",
    "-c",
    "sleep 0.3",
  ]);
  const following = engine.request("GET", `/containers/${id}/receipt?format=text&follow=1`);
  await engine.output("docker", ["start", id]);
  const { text } = await following;
  expect(text).toContain("clone3(");
  expect(text).toMatch(/execve\("\/bin\/sh"/);
  await engine.removeContainers();
});
