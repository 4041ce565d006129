/**
 * `fathom runtime`: the native runtime by the commands that runc and crun have, for whoever calls an OCI runtime as a program
 * (containerd, conmon, podman). What does not hold for all of them is in life.ts and store.ts.
 */

import { appendFile } from "node:fs/promises";
import { constants } from "node:os";
import { openCgroup } from "../../kernel/mod.ts";
import { FathomError, messageOf } from "../../std/errors.ts";
import { rfc3339, wallClock } from "../../std/time.ts";
import { VERSION } from "../../std/version.ts";
import { readBundle } from "../bundle.ts";
import { type OptionTable, readWords } from "./arguments.ts";
import { FEATURES, OCI_VERSION } from "./features.ts";
import { create, kill, remove, runningOf, start } from "./life.ts";
import { CREATE, creationOf, EXEC, idOf } from "./options.ts";
import * as store from "./store.ts";

const GLOBAL: OptionTable = {
  root: "value",
  log: "value",
  "log-format": "value",
  debug: "flag",
  help: "flag",
  rootless: "value",
  "systemd-cgroup": "flag",
  version: "flag",
};

const USAGE = `Usage:  fathom runtime [--root DIR] [--log FILE] [--log-format text|json] COMMAND

An OCI runtime, as a program

Commands:
  create [-b BUNDLE] [--pid-file FILE] [--console-socket PATH] ID   Make a container, whose process waits
  start ID                                                         Let it go on to its program
  run [-d] [--keep] [-b BUNDLE] ... ID                              Both, and wait for its end and delete it, but with -d
  state ID                                                         Print its state
  kill [--all] ID [SIGNAL]                                          Send a signal (default TERM)
  delete [--force] ID                                              Remove what is left of it
  exec [-d] [-p FILE] [--pid-file FILE] [--console-socket PATH] ID [COMMAND...]
                                                                   Run a further program in it
  pause ID, resume ID                                              Stop its processes where they stand; let them go on
  update --resources FILE|- ID                                      Change its limits; or --memory, --pids-limit ...
  events [--stats] [--interval 5s] ID                               Print what it uses: once, or again and again
  ps ID                                                            Print the numbers of its processes
  list                                                             Print the IDs of all
  features                                                         Print what this runtime can do
`;

interface Called {
  root: string;
  words: readonly string[];
}

type Command = (called: Called) => Promise<number>;

const COMMANDS: Readonly<Record<string, Command>> = {
  create: async ({ root, words }) => {
    const read = readWords(words, CREATE);
    await create(root, idOf(read), creationOf(read));
    return 0;
  },
  run: async ({ root, words }) => {
    const read = readWords(words, { ...CREATE, detach: "flag", keep: "flag" });
    const { detach, keep } = read.options;
    const how = { ...creationOf(read), detach: detach !== undefined, keep: keep !== undefined };
    return (await import("./run.ts")).run(root, idOf(read), how);
  },
  start: async ({ root, words }) => {
    await start(root, idOf(readWords(words, {})));
    return 0;
  },
  state: async ({ root, words }) => {
    const noted = await store.noted(root, idOf(readWords(words, {})));
    const { id, bundle, created } = noted;
    const status = store.statusOf(root, noted);
    const { annotations = {} } = readBundle(store.directoryOf(root, id));
    const pid = status === "stopped" ? 0 : noted.pid;
    print(
      JSON.stringify({ ociVersion: OCI_VERSION, id, status, pid, bundle, annotations, created }, null, 2),
    );
    return 0;
  },
  kill: async ({ root, words }) => {
    const read = readWords(words, { all: "flag" });
    await kill(root, idOf(read), { signal: signalOf(read.rest[1] ?? "TERM"), all: "all" in read.options });
    return 0;
  },
  delete: async ({ root, words }) => {
    const read = readWords(words, { force: "flag" });
    await remove(root, idOf(read), { force: "force" in read.options });
    return 0;
  },
  exec: async ({ root, words }) => (await import("./run.ts")).execute(root, readWords(words, EXEC)),
  update: async ({ root, words }) => {
    const { update, UPDATE } = await import("./resources.ts");
    const read = readWords(words, UPDATE);
    await update(await store.noted(root, idOf(read)), read.options);
    return 0;
  },
  events: async ({ root, words }) => {
    const read = readWords(words, { stats: "flag", interval: "value" });
    const { events } = await import("./resources.ts");
    await events(await store.noted(root, idOf(read)), read.options, print);
    return 0;
  },
  pause: ({ root, words }) => freeze(root, idOf(readWords(words, {})), true),
  resume: ({ root, words }) => freeze(root, idOf(readWords(words, {})), false),
  ps: async ({ root, words }) => {
    using cgroup = openCgroup((await store.noted(root, idOf(readWords(words, { format: "value" })))).cgroup);
    print(JSON.stringify(cgroup?.pids() ?? []));
    return 0;
  },
  list: async ({ root }) => {
    for (const noted of await store.allNoted(root)) print(`${noted.id}\t${store.statusOf(root, noted)}`);
    return 0;
  },
  features: async () => {
    print(JSON.stringify(FEATURES, null, 2));
    return 0;
  },
};

function signalOf(text: string): number {
  const names = new Map<string, number>(Object.entries(constants.signals));
  const number = /^\d+$/.test(text)
    ? Number(text)
    : names.get(`SIG${text.toUpperCase().replace(/^SIG/, "")}`);
  if (number === undefined || number > 64) throw new FathomError("invalid", `unknown signal ${text}`);
  return number;
}

async function freeze(root: string, id: string, frozen: boolean): Promise<number> {
  const { cgroup } = runningOf(root, await store.noted(root, id));
  await (frozen ? cgroup.freeze() : cgroup.thaw());
  return 0;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Runs a command to its end. Gives the exit status: 1 with a sentence on standard error, and in the log, when it fails. */
export async function main(argv: readonly string[]): Promise<number> {
  let log: Log = {};
  try {
    const { options, rest } = readWords(argv, GLOBAL);
    log = { file: options.log, format: options["log-format"] };
    const [name = "", ...words] = rest;
    if ("version" in options) {
      print(`fathom version ${VERSION}\nspec: ${OCI_VERSION}`);
      return 0;
    }
    if (name === "" || "help" in options) {
      process.stdout.write(USAGE);
      return 0;
    }
    if ("systemd-cgroup" in options)
      throw new FathomError(
        "unsupported",
        "systemd does not make the control groups here: leave --systemd-cgroup out",
      );
    const command = COMMANDS[name];
    if (command === undefined) throw new FathomError("invalid", `unknown command ${name}: see --help`);
    return await command({ root: options.root ?? "/run/fathom-runtime", words });
  } catch (error) {
    await tell(messageOf(error), log);
    return 1;
  }
}

interface Log {
  file?: string | undefined;
  format?: string | undefined;
}

/** As runc does: callers read the last line of the log, and people standard error. */
async function tell(msg: string, { file, format }: Log): Promise<void> {
  process.stderr.write(`fathom runtime: ${msg}\n`);
  if (file === undefined) return;
  const time = rfc3339(wallClock());
  const line =
    format === "json"
      ? JSON.stringify({ level: "error", msg, time })
      : `time=${JSON.stringify(time)} level=error msg=${JSON.stringify(msg)}`;
  await appendFile(file, `${line}\n`);
}
