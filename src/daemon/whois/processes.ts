/** Whose a process is: by its control group, else by the namespaces that it is in, all from procfs. */

import { readFile, readlink } from "node:fs/promises";
import type { WhoisFinding } from "../../spec/whois.ts";
import { type Known, type KnownContainer, shown } from "./known.ts";

const NAMESPACES = ["pid", "mnt", "net", "ipc", "uts"] as const;

export async function processFindings(known: Known, pid: number): Promise<WhoisFinding[]> {
  const status = await read(pid, "status");
  if (status === undefined) return [];
  const see = `cat /proc/${pid}/cgroup; ls -l /proc/${pid}/ns`;
  const finding = (Sentence: string, container: KnownContainer | undefined): WhoisFinding => ({
    Kind: "process",
    Subject: String(pid),
    Sentence,
    See: see,
    ...(container && shown(container)),
  });
  if (pid === process.pid) return [finding("is this engine's daemon", undefined)];
  const first = known.containers.find(({ Pid }) => Pid === pid);
  if (first !== undefined) return [finding(`is the first process of ${first.Name}`, first)];
  const groups = (await read(pid, "cgroup")) ?? "";
  const member = known.containers.find(({ Id }) => groups.includes(Id));
  if (member !== undefined)
    return [finding(`(${nameIn(status)}) runs in ${member.Name}, by its control group`, member)];
  const child = await childOf(known, pid);
  if (child !== undefined) return [finding(`is the shim beside ${child.Name}`, child)];
  const words = ((await read(pid, "cmdline")) ?? "").split("\0");
  const socket = words[words.indexOf("--socket") + 1] ?? "";
  if (words.includes("shim") && socket.startsWith(`${known.execRoot}/shims/`))
    return [finding("is a shim of this engine that waits for a container", undefined)];
  const visited = await visitedBy(known, pid);
  return visited.map(({ container, kinds }) =>
    finding(
      `(${nameIn(status)}) is in the ${kinds.join(", ")} namespace${kinds.length > 1 ? "s" : ""} of ${container.Name}, and not in its control group`,
      container,
    ),
  );
}

function nameIn(status: string): string {
  return /^Name:\s*(.*)$/m.exec(status)?.[1] ?? "";
}

/** The container whose first process has this one as its parent. */
async function childOf({ containers }: Known, pid: number): Promise<KnownContainer | undefined> {
  for (const container of containers.filter(({ Pid }) => Pid > 0)) {
    const parent = /^PPid:\s*(\d+)/m.exec((await read(container.Pid, "status")) ?? "")?.[1];
    if (Number(parent) === pid) return container;
  }
  return undefined;
}

/** The containers of which a process has joined a namespace that is not the host's too. */
async function visitedBy({ containers }: Known, pid: number) {
  const found: { container: KnownContainer; kinds: string[] }[] = [];
  for (const container of containers.filter(({ Pid }) => Pid > 0)) {
    const kinds: string[] = [];
    for (const kind of NAMESPACES) {
      // A process that has ended meanwhile is in no namespace.
      const [its, own, ours] = await Promise.all(
        [pid, container.Pid, "self"].map((of) => readlink(`/proc/${of}/ns/${kind}`).catch(() => undefined)),
      );
      if (its !== undefined && its === own && its !== ours) kinds.push(kind);
    }
    if (kinds.length > 0) found.push({ container, kinds });
  }
  return found;
}

/** Undefined where the process has ended. */
function read(pid: number, file: string): Promise<string | undefined> {
  return readFile(`/proc/${pid}/${file}`, "latin1").catch(() => undefined);
}
