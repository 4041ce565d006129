/** What the OCI project's validation programs ask of a container's life: each replays one of them, and throws what is not so. */

import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Hook } from "../../src/spec/oci_runtime.ts";
import { run } from "../harness/mod.ts";
import type { Change, Container, State } from "./_oci_bundle.ts";
import type { OciRuntime } from "./_oci_runtimes.ts";

/** Makes a container of a bundle with this change; it is removed when the replay has ended. */
export type Make = (change?: Change) => Container;

export interface Replay {
  name: string;
  /** Why this host cannot tell. */
  lacking?: string | undefined;
  play(make: Make, runtime: OciRuntime): Promise<void>;
}

/** @throws where it is not so. */
export function so(holds: boolean, what: string): void {
  if (!holds) throw new Error(`not so: ${what}`);
}

type Told = { status: number; stderr: string };
export async function works(what: string, told: Promise<Told>): Promise<void> {
  const { status, stderr } = await told;
  if (status !== 0) throw new Error(`${what}: ${stderr.trim()}`);
}
export async function fails(what: string, told: Promise<Told>): Promise<void> {
  so((await told).status !== 0, `${what} is an error`);
}

const program =
  (...args: string[]): Change =>
  (config) => {
    config.process.args = args;
  };
const CALLED = program("sh", "-c", "echo 'process called' >> /output");

/** A hook that is a program of the container's root, run on the host. */
const hook = (rootfs: string, args: string[]): Hook => ({ path: join(rootfs, "bin", args[0] ?? ""), args });
/** crun 1.8 fails where a hook has ended before its state is written to it. */
const says = (rootfs: string, word: string, wait = ""): Hook =>
  hook(rootfs, ["sh", "-c", `cat > /dev/null; ${wait} echo '${word} called' >> ${join(rootfs, "output")}`]);

const outputOf = ({ rootfs }: Container): string => {
  const path = join(rootfs, "output");
  return existsSync(path) ? readFileSync(path, "utf8") : "";
};

async function runs(container: Container): Promise<void> {
  await works("create", container.create());
  await works("start", container.tell("start"));
  await container.until("stopped");
}

/** One hook of a kind beside the program: what is written when. */
async function oneHook(
  make: Make,
  kind: "prestart" | "poststart" | "poststop",
  seen: string[],
): Promise<void> {
  const container = make((config, place) => {
    CALLED(config, place);
    // A program that is executed by now has written when the hook does.
    config.hooks = { [kind]: [says(place.rootfs, kind, kind === "poststart" ? "sleep 0.3;" : "")] };
  });
  await works("create", container.create());
  so(outputOf(container) === seen[0], `behind create there is ${JSON.stringify(seen[0])}`);
  await works("start", container.tell("start"));
  await container.until("stopped");
  so(outputOf(container) === seen[1], `behind start there is ${JSON.stringify(seen[1])}`);
  await works("delete", container.tell("delete"));
  so(outputOf(container) === seen[2], `behind delete there is ${JSON.stringify(seen[2])}`);
}

/** A first hook that fails, and one behind it. */
async function failing(make: Make, kind: "poststart" | "poststop"): Promise<void> {
  const container = make((config, { rootfs }) => {
    config.hooks = { [kind]: [hook(rootfs, ["false"]), says(rootfs, kind)] };
  });
  await runs(container);
  await works("delete", container.tell("delete"));
  so(outputOf(container) === `${kind} called\n`, "the hook behind the one that fails is called");
}

const HOOKS = ["prestart", "poststart", "poststop"] as const;

export const LIFE: readonly Replay[] = [
  {
    name: "create",
    async play(make, { command }) {
      const container = make(program("sleep", "30"));
      await fails("create without an ID", command(["create", "--bundle", container.bundle]));
      await works("create", container.create());
      so((await container.state()).id === container.id, "state tells its ID");
      await fails("create with an ID that is taken", container.create());
    },
  },
  {
    name: "start",
    async play(make, { command }) {
      const container = make(CALLED);
      await fails("start without an ID", command(["start"]));
      await fails("start of one that is not there", container.tell("start"));
      await works("create", container.create());
      so(outputOf(container) === "", "nothing runs before start");
      await works("start", container.tell("start"));
      await container.until("stopped");
      so(outputOf(container) === "process called\n", "start runs the program");
      await fails("start of one that has ended", container.tell("start"));
      so(outputOf(container) === "process called\n", "that has no effect");
      await works("delete", container.tell("delete"));
    },
  },
  {
    name: "start: no process",
    async play(make) {
      const container = make((config) => void Object.assign(config, { process: undefined }));
      await works("create", container.create());
      await fails("start", container.tell("start"));
    },
  },
  {
    name: "state",
    async play(make, { command }) {
      const container = make();
      await fails("state without an ID", command(["state"]));
      await fails("state of one that is not there", container.tell("state"));
      await works("create", container.create());
      const { ociVersion, status, pid, bundle } = await container.state();
      so(/^\d+\.\d+\.\d+/.test(ociVersion ?? ""), "a version is told");
      so(status === "created" && pid > 0 && bundle === container.bundle, "status, pid and bundle are told");
    },
  },
  {
    name: "kill",
    async play(make, { command }) {
      await fails("kill without an ID", command(["kill"]));
      const container = make();
      await fails("kill of one that is not there", container.tell("kill", "KILL"));
      await works("create", container.create());
      await works("kill of one that is created", container.tell("kill", "KILL"));
      await container.until("stopped");
      await works("delete", container.tell("delete"));
      await runs(container);
      await fails("kill of one that has ended", container.tell("kill", "KILL"));
      await works("delete", container.tell("delete"));
      container.configure(program("sleep", "30"));
      await works("create", container.create());
      await works("start", container.tell("start"));
      await works("kill of one that runs", container.tell("kill", "KILL"));
      await container.until("stopped");
      await works("delete", container.tell("delete"));
    },
  },
  {
    name: "kill_no_effect",
    async play(make) {
      const container = make();
      await runs(container);
      const before = JSON.stringify(await container.state());
      await container.tell("kill", "KILL");
      so(JSON.stringify(await container.state()) === before, "kill of one that has ended changes nothing");
    },
  },
  ...["TERM", "USR1", "USR2"].map(
    (signal): Replay => ({
      name: `killsig: ${signal}`,
      async play(make) {
        const script = `trap 'touch /${signal}; exit' ${signal}; touch /ready; while :; do sleep 0.05; done`;
        const container = make(program("sh", "-c", script));
        await works("create", container.create());
        await works("start", container.tell("start"));
        while (!existsSync(join(container.rootfs, "ready"))) await Bun.sleep(10);
        await works("kill", container.tell("kill", signal));
        await container.until("stopped");
        so(existsSync(join(container.rootfs, signal)), "the signal has come");
      },
    }),
  ),
  {
    name: "delete",
    async play(make, { command }) {
      await fails("delete without an ID", command(["delete"]));
      const container = make(program("sleep", "30"));
      await works("create", container.create());
      await works("start", container.tell("start"));
      await fails("delete of one that runs", container.tell("delete"));
      so((await container.state()).status === "running", "that has no effect");
    },
  },
  {
    name: "delete: one that is created",
    async play(make) {
      const container = make();
      await works("create", container.create());
      await fails("delete of one that is created", container.tell("delete"));
      so((await container.state()).status === "created", "that has no effect");
    },
  },
  {
    name: "delete_only_create_resources",
    async play(make, { name }) {
      const other = `/sys/fs/cgroup/pids/fathom-test-validation-${process.pid}-${name}`;
      mkdirSync(other, { recursive: true });
      try {
        const container = make();
        await works("create", container.create());
        writeFileSync(join(other, "tasks"), String((await container.state()).pid));
        await works("start", container.tell("start"));
        await container.until("stopped");
        await works("delete", container.tell("delete"));
        so(existsSync(other), "a group that the runtime has not made is still there");
      } finally {
        rmdirSync(other);
      }
    },
  },
  {
    name: "delete_resources",
    async play(make) {
      const container = make((config) => {
        config.linux.resources = { pids: { limit: 1000 } };
      });
      await works("create", container.create());
      const place = `/sys/fs/cgroup/pids${container.group}`;
      so(readFileSync(join(place, "pids.max"), "latin1") === "1000\n", "its group has the limit");
      await works("start", container.tell("start"));
      await container.until("stopped");
      await works("delete", container.tell("delete"));
      so(!existsSync(place), "its group is gone");
    },
  },
  {
    name: "config_updates_without_affect",
    async play(make) {
      const look = "cat /proc/self/oom_score_adj /proc/sys/net/ipv4/ip_forward; echo on";
      const container = make((config, { rootfs }) => {
        config.process.args = ["sh", "-c", look];
        config.process.oomScoreAdj = 100;
        config.linux.sysctl = { "net.ipv4.ip_forward": "1" };
        config.hooks = { poststart: [says(rootfs, "poststart")] };
      });
      await works("create", container.create());
      writeFileSync(join(container.bundle, "config.json"), JSON.stringify({ ociVersion: "1.0.0" }));
      await works("start", container.tell("start"));
      await container.until("stopped");
      so(container.output() === "100\n1\non\n", "it has what it was created with");
      so(outputOf(container) === "poststart called\n", "its hooks are those it was created with");
      await works("delete", container.tell("delete"));
    },
  },
  {
    name: "pidfile",
    async play(make) {
      const container = make(program("sleep", "30"));
      const file = join(container.bundle, "pid");
      await works("create", container.create("--pid-file", file));
      so(readFileSync(file, "latin1") === String((await container.state()).pid), "the file holds its number");
      await works("start", container.tell("start"));
      await works("kill", container.tell("kill", "KILL"));
      await container.until("stopped");
      await works("delete", container.tell("delete"));
    },
  },
  {
    name: "hooks",
    async play(make) {
      const container = make((config, { rootfs }) => {
        const both = (kind: string) => [says(rootfs, `${kind}1`), says(rootfs, `${kind}2`)];
        config.hooks = Object.fromEntries(HOOKS.map((kind) => [kind, both(kind)]));
      });
      await runs(container);
      await works("delete", container.tell("delete"));
      const lines = HOOKS.flatMap((kind) => [`${kind}1 called\n`, `${kind}2 called\n`]);
      so(outputOf(container) === lines.join(""), "all are called in their order");
    },
  },
  ...(["prestart", "poststart", "poststop"] as const).map(
    (kind): Replay => ({
      name: `hooks_stdin: ${kind}`,
      async play(make) {
        const container = make((config, { rootfs }) => {
          const told = hook(rootfs, ["sh", "-c", `cat > ${join(rootfs, "told")}`]);
          config.annotations = { "org.opencontainers.runtime-tools": "hook stdin test" };
          config.hooks = { [kind]: [{ ...told, timeout: 5 }] };
        });
        await works("create", container.create());
        const { pid } = await container.state();
        await works("start", container.tell("start"));
        await container.until("stopped");
        await works("delete", container.tell("delete"));
        const told: State = JSON.parse(readFileSync(join(container.rootfs, "told"), "utf8"));
        so(told.id === container.id && told.bundle === container.bundle, "ID and bundle are told");
        so(
          told.annotations?.["org.opencontainers.runtime-tools"] === "hook stdin test",
          "annotations are told",
        );
        so(kind === "poststop" || told.pid === pid, "the process is told");
        const status = { prestart: "created", poststart: "running", poststop: told.status || "one" }[kind];
        so(told.status === status, `the status is ${status}, not ${told.status}`);
      },
    }),
  ),
  {
    name: "prestart",
    play: (make) => {
      const both = "prestart called\nprocess called\n";
      return oneHook(make, "prestart", ["", both, both]);
    },
  },
  {
    name: "prestart_fail",
    async play(make) {
      const container = make((config, place) => {
        CALLED(config, place);
        config.hooks = { prestart: [hook(place.rootfs, ["false"])] };
      });
      const created = await container.create();
      if (created.status === 0) await fails("start", container.tell("start"));
      so(outputOf(container) === "", "the program is not run");
      await fails("state", container.tell("state"));
    },
  },
  {
    name: "poststart",
    play: (make) => {
      const both = "process called\npoststart called\n";
      return oneHook(make, "poststart", ["", both, both]);
    },
  },
  { name: "poststart_fail", play: (make) => failing(make, "poststart") },
  {
    name: "poststop",
    play: (make) => {
      const ran = "process called\n";
      return oneHook(make, "poststop", ["", ran, `${ran}poststop called\n`]);
    },
  },
  { name: "poststop_fail", play: (make) => failing(make, "poststop") },
];

/** A process in a new namespace of one kind, for as long as a function takes. */
export async function beside(option: string, act: (pid: number) => Promise<void>): Promise<void> {
  const child = Bun.spawn(["unshare", option, "--fork", "sh", "-c", "echo ready; exec sleep 600"], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
  });
  try {
    for await (const _ of child.stdout) break;
    await act(child.pid);
  } finally {
    const { stdout } = await run(["cat", `/proc/${child.pid}/task/${child.pid}/children`]);
    for (const pid of stdout.trim().split(/\s+/)) if (pid !== "") process.kill(Number(pid), "SIGKILL");
    child.kill("SIGKILL");
    await child.exited;
  }
}
