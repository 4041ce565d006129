/** What a container's start consists of, in the order in which it is told, and how each part is recognized and put in words. */

import type { Step } from "../spec/receipt.ts";
import { counted, listed } from "./_text.ts";

export interface Chapter {
  /** Whether a step belongs here; the first chapter that says so has it. */
  has: (step: Step, moment: Moment) => boolean;
  /** One sentence about the steps, in plain English. */
  sentence: (steps: readonly Step[]) => string;
  /** A command that shows the same while the container runs. */
  see?: (pid: string) => string;
}

/** Where in the container's life a step stands. */
export type Moment = "before" | "after";

const MOUNT_CALLS = new Set([
  "mount",
  "umount2",
  "fsopen",
  "fsconfig",
  "fsmount",
  "move_mount",
  "open_tree",
  "mount_setattr",
]);
const ROOT_CALLS = new Set(["pivot_root", "chroot", "chdir", "fchdir", "mkdirat", "symlinkat", "openat2"]);
const IDENTITY_CALLS = new Set(["setgroups", "setresuid", "setresgid", "setuid", "setgid", "capset"]);
const NAMESPACE_CALLS = new Set(["clone3", "unshare", "setns", "sethostname", "setdomainname"]);

const EXECS: Chapter = { has: (step) => step.by === "exec", sentence: tellExecs };

const END: Chapter = {
  has: (step, moment) => moment === "after" && step.by !== "container",
  sentence: tellEnd,
};

const IMAGE: Chapter = {
  has: (step) => step.by !== "container" && MOUNT_CALLS.has(step.call),
  sentence: tellImage,
  see: (pid) => `findmnt -N ${pid} /`,
};

/** Where a volume has its files, and where a part of one is shown while a container starts. */
const VOLUME_PLACE = /\/volumes\/[^/]+\/_data$|\/mounts\/\d+-\d+$/;

const VOLUMES: Chapter = {
  has: (step) => step.by === "daemon" && MOUNT_CALLS.has(step.call) && VOLUME_PLACE.test(step.what ?? ""),
  sentence: tellVolumes,
  see: (pid) => `findmnt -N ${pid}`,
};

const NETWORK: Chapter = {
  has: isNetwork,
  sentence: tellNetwork,
  see: (pid) => `nsenter -t ${pid} -n ip address`,
};

const PROCESS: Chapter = {
  has: (step) => NAMESPACE_CALLS.has(step.call),
  sentence: tellNamespaces,
  see: (pid) => `ls -l /proc/${pid}/ns`,
};

const LIMITS: Chapter = {
  has: isLimit,
  sentence: tellLimits,
  see: (pid) => `cat /proc/${pid}/cgroup /proc/${pid}/limits`,
};

const FILES: Chapter = {
  has: (step) => step.call === "mknodat" || MOUNT_CALLS.has(step.call) || ROOT_CALLS.has(step.call),
  sentence: tellFiles,
  see: (pid) => `findmnt -N ${pid}`,
};

const RESTRICTIONS: Chapter = {
  has: ({ by, call }) =>
    by === "container" && (IDENTITY_CALLS.has(call) || call === "prctl" || call === "seccomp"),
  sentence: tellRestrictions,
  see: (pid) => `grep -E 'Cap|Seccomp|NoNewPrivs' /proc/${pid}/status`,
};

const PROGRAM: Chapter = {
  has: (step) => step.by === "container" && step.call === "execve",
  sentence: tellProgram,
  see: (pid) => `tr '\\0' ' ' < /proc/${pid}/cmdline`,
};

const OTHERS: Chapter = { has: () => true, sentence: tellOthers };

/** In the order in which a step is recognized: the first that has it tells it. */
export const CHAPTERS: readonly Chapter[] = [
  ...[EXECS, END, NETWORK, VOLUMES, IMAGE, PROCESS, LIMITS, FILES, RESTRICTIONS, PROGRAM, OTHERS],
];

/** In the order in which they are told. */
export const STORY: readonly Chapter[] = [
  ...[IMAGE, VOLUMES, LIMITS, PROCESS, FILES, NETWORK, RESTRICTIONS, PROGRAM, OTHERS, EXECS, END],
];

function isNetwork({ by, call, what = "" }: Step): boolean {
  if (/loopback|interface|veth|bridge/.test(what)) return true;
  return (
    by === "daemon" &&
    (/^(sendto|sendmsg|unshare|setns)$/.test(call) || /network namespace|sysctl net\./.test(what))
  );
}

function isLimit(step: Step): boolean {
  if (step.call === "prlimit64" || step.call === "write") return true;
  return /control group|oom_score_adj/.test(step.what ?? "");
}

function tellImage(steps: readonly Step[]): string {
  const options = steps.flatMap((step) => step.args).join(",");
  const listedLayers = /lowerdir[=",]+([^,"]+)/.exec(options)?.[1]?.split(":").length ?? 0;
  const addedLayers = steps.filter((step) =>
    step.args.some((argument) => argument.includes("lowerdir+")),
  ).length;
  const layers = listedLayers + addedLayers;
  if (layers === 0) return "The image's layers became one file system, the container's root.";
  return `The image's layers became one file system (${layers} to read, 1 to write).`;
}

function tellVolumes(steps: readonly Step[]): string {
  const own = steps.filter((step) => step.call === "mount").length;
  const parts = steps.filter((step) => step.call === "move_mount").length;
  const made = [
    own > 0 ? counted(own, "file system") : "",
    parts > 0 ? `${counted(parts, "part")} of what holds more` : "",
  ];
  return `For its volumes, ${listed(made.filter(Boolean))} ${own + parts === 1 ? "was" : "were"} mounted on the host.`;
}

function tellNetwork(steps: readonly Step[]): string {
  const words = steps.map(({ what }) => what ?? "");
  const found = (pattern: RegExp) => words.map((what) => pattern.exec(what)).find((match) => match !== null);
  const [, device, bridge] = found(/^join (\S+) of the container to (\S+)/) ?? [];
  if (device === undefined)
    return "Its network was given nothing but the loopback device, which was switched on.";
  const [, address] = found(new RegExp(`^give ${device} the address (\\S+)`)) ?? [];
  return `Its ${device} joined the bridge ${bridge}${address === undefined ? "" : ` with the address ${address}`}.`;
}

const NAMESPACES: Readonly<Record<string, string>> = {
  NEWNS: "mounts",
  NEWUTS: "hostname",
  NEWIPC: "shared memory",
  NEWPID: "processes",
  NEWNET: "network",
  NEWCGROUP: "cgroups",
  NEWUSER: "users",
  NEWTIME: "time",
};

function tellNamespaces(steps: readonly Step[]): string {
  const flags = steps.flatMap((step) => step.args).join(" ");
  const names = Object.keys(NAMESPACES).filter((flag) => new RegExp(`CLONE_${flag}\\b`).test(flags));
  const own = listed(names.map((flag) => NAMESPACES[flag] ?? flag));
  const joined = steps.filter((step) => step.call === "setns").length;
  const also = joined === 0 ? "" : ` It joined ${counted(joined, "existing namespace")}.`;
  if (names.length === 0) return `A new process was made.${also}`;
  return `New namespaces gave a new process its own ${own}.${also}`;
}

function tellLimits(steps: readonly Step[]): string {
  const made = steps.filter((step) => step.call === "mkdirat" && step.result === 0).length;
  const writes = steps.filter((step) => step.call === "write" && step.by !== "container");
  const values = [...new Set(writes.map((step) => fileName(step.args[0] ?? "")))];
  const limits = steps.filter((step) => step.call === "prlimit64").length;
  const parts = [
    made > 0 ? counted(made, "control group") : "",
    values.length > 0 ? `values for ${listed(values, 4)}` : "",
    limits > 0 ? counted(limits, "resource limit") : "",
  ].filter((part) => part !== "");
  return parts.length === 0 ? "It was put in its control groups." : `Limits: ${listed(parts)}.`;
}

function tellFiles(steps: readonly Step[]): string {
  const done = steps.filter((step) => step.error === undefined);
  const mounts = done.filter((step) => step.call === "mount" || step.call === "move_mount");
  const isHiding = (step: Step) => /^(mask|cover|hide)\b/.test(step.what ?? "");
  const own = [...new Set(mounts.filter((step) => !isHiding(step)).flatMap(mountPoint))];
  const hidden = mounts.filter(isHiding).length;
  const devices = done.filter(
    (step) => step.call === "mknodat" && !step.args.join().includes("S_IFREG"),
  ).length;
  const parts = [
    own.length > 0 ? `its own ${listed(own, 6)}` : "",
    devices > 0 ? counted(devices, "device node") : "",
    hidden > 0 ? `${counted(hidden, "path")} of the kernel hidden or read-only` : "",
  ].filter((part) => part !== "");
  const root = done.some((step) => step.call === "pivot_root")
    ? "The image became its root"
    : "Its root was prepared";
  return parts.length === 0 ? `${root}.` : `${root}, with ${listed(parts)}.`;
}

/** The place in the container that a mount is for: as the step's purpose names it, else its target. */
function mountPoint(step: Step): string[] {
  const target = step.args.findLast((argument) => argument.startsWith('"/'))?.slice(1, -1);
  const place = step.what === undefined ? target : /^mount (\/\S*)/.exec(step.what)?.[1];
  // The hierarchies of version 1 are told as one.
  return place === undefined || place === "/" || place.startsWith("/sys/fs/cgroup/") ? [] : [place];
}

function tellRestrictions(steps: readonly Step[]): string {
  const shown = steps.map((step) => `${step.call} ${step.args.join(" ")} ${step.what ?? ""}`);
  const dropped = shown.filter((text) => /CAPBSET_DROP|bounding/i.test(text)).length;
  const user = steps.find((step) => step.call === "setresuid" || step.call === "setuid")?.args[0];
  const parts = [
    dropped > 0 ? `${counted(dropped, "capability", "capabilities")} dropped` : "capabilities set",
    shown.some((text) => text.startsWith("seccomp") || text.includes("SECCOMP"))
      ? "system calls filtered (seccomp)"
      : "",
    shown.some((text) => text.includes("NO_NEW_PRIVS")) ? "no new privileges" : "",
    user === undefined || user === "0" ? "" : `user ${user}`,
  ].filter((part) => part !== "");
  return `Its powers were cut: ${listed(parts)}.`;
}

function tellProgram(steps: readonly Step[]): string {
  const done = steps.find((step) => step.error === undefined);
  const tried = steps.length - (done === undefined ? 0 : 1);
  if (done === undefined)
    return `No program took over: ${counted(tried, "path")} tried, last ${steps.at(-1)?.args[0]}.`;
  const search = tried === 0 ? "" : ` (${counted(tried, "place")} tried before)`;
  return `The program took over: ${done.args[0]}${argumentsText(done)}${search}.`;
}

/** The arguments behind the program's own name. */
function argumentsText(step: Step): string {
  const all = /^\["(?:[^"\\]|\\.)*",?(.*)\]$/.exec(step.args[1] ?? "")?.[1] ?? "";
  return all === "" ? "" : ` with ${all.replaceAll('","', '", "')}`;
}

function tellExecs(steps: readonly Step[]): string {
  const started = steps.filter((step) => step.call === "execve" && step.error === undefined);
  const names = [...new Set(started.map((step) => step.args[0] ?? ""))];
  return `Later ${counted(started.length, "command")} joined it${names.length > 0 ? `: ${listed(names, 4)}` : ""}.`;
}

function tellEnd(steps: readonly Step[]): string {
  return `Since the program began: ${countsOf(steps.map((step) => (step.what ?? step.call).replace(/ \/\S*/g, "")))}.`;
}

function tellOthers(steps: readonly Step[]): string {
  return `Small things: ${countsOf(steps.map(({ call }) => call))}.`;
}

/** `unlinkat (8)` and so on, the most frequent first. */
function countsOf(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  const texts = [...counts]
    .sort((a, b) => b[1] - a[1])
    .map(([name, count]) => (count === 1 ? name : `${name} (${count})`));
  return listed(texts, 3);
}

function fileName(argument: string): string {
  return argument.replace(/^.*\//, "").replace(/[")].*$/, "");
}
