/**
 * Why a container ended, in sentences: what is known, and what is not known said to be so. Pure.
 *
 * Who sends a signal is told to the receiver alone (sigaction(2), si_pid): a parent learns which one it was, from wait4(2) as from a
 * pidfd. So it is known of this engine's own, and otherwise inferred: the first process of a PID namespace is ended neither by
 * a signal of its own namespace nor by itself (pid_namespaces(7)).
 */

import type { Ending } from "../../spec/docker_ending.ts";
import { formatBinarySize } from "../../std/units.ts";
import type { ContainerRecord, StateRecord } from "../records.ts";
import { NEVER } from "../records.ts";
import { signalName } from "../signals.ts";
import { isUp } from "../state.ts";

/** Undefined while it runs, and before its first start. */
export function endingOf({ state, host }: ContainerRecord): Ending | undefined {
  const failed = state.Ending?.Cause === "not-started" || (state.StartedAt === NEVER && state.Error !== "");
  if (isUp(state.Status) && state.Status !== "restarting") return undefined;
  if (!failed && state.StartedAt === NEVER) return undefined;
  const { Cause = failed ? "not-started" : "program", Signal, Memory } = state.Ending ?? {};
  const facts = {
    ExitCode: state.ExitCode,
    OOMKilled: state.OOMKilled,
    ...(Signal !== undefined && { Signal }),
  };
  const ownNamespace = host.PidMode === "" || host.PidMode === "private";
  return {
    Cause: failed ? "not-started" : Cause,
    ...facts,
    ...(Memory && { Memory }),
    ...(state.Asked && { Asked: state.Asked }),
    Sentences: failed
      ? [`It could not be started (exit code ${state.ExitCode}): ${state.Error}.`]
      : [...causes(state, { Cause, Signal, ownNamespace }), ...memory(state)],
  };
}

interface Known {
  Cause: Ending["Cause"];
  Signal: number | undefined;
  ownNamespace: boolean;
}

function causes(state: StateRecord, { Cause, Signal, ownNamespace }: Known): string[] {
  if (Cause === "lost") return [`It was lost (exit code ${state.ExitCode}): ${state.Error}.`];
  if (Signal === undefined) return [byItself(state.ExitCode), ...requested(state)];
  const name = signalName(Signal);
  return [
    `Its program was ended by ${name}: exit code ${state.ExitCode} is 128 + ${Signal}.`,
    ...(state.Asked?.Signal === Signal ? requested(state) : [sender(state, Signal, ownNamespace)]),
  ];
}

/** What shells and the docker command mean by a code. */
const MEANINGS: ReadonlyMap<number, string> = new Map([
  [0, "success"],
  [126, "a shell ends so when what it was to run cannot be executed"],
  [
    127,
    "a shell ends so when it does not find what it was to run, and a dynamic loader when a library is missing",
  ],
  [139, "what it ran was ended by SIGSEGV, not the program itself"],
  [137, "what it ran was ended by SIGKILL, not the program itself"],
  [143, "it caught SIGTERM, or what it ran was ended by it; the program itself was not"],
]);

function byItself(code: number): string {
  const meaning = MEANINGS.get(code);
  return `Its program ended by itself with exit code ${code}${meaning === undefined ? "" : ` (${meaning})`}.`;
}

function requested({ Asked }: StateRecord): string[] {
  if (Asked === undefined) return [];
  return [
    `Before that, at ${Asked.At}, this engine had sent it ${signalName(Asked.Signal)} for a request to ${VERBS[Asked.Request] ?? Asked.Request}.`,
  ];
}

const VERBS: Readonly<Record<string, string>> = {
  stop: "stop it (docker stop)",
  restart: "restart it (docker restart)",
  kill: "kill it (docker kill)",
  "rm -f": "remove it by force (docker rm -f)",
};

/** Signals the kernel sends a program for what it has done itself; signal(7). */
const FAULTS: ReadonlySet<number> = new Set([4, 5, 6, 7, 8, 11, 31]);
const SIGKILL = 9;

function sender({ OOMKilled }: StateRecord, signal: number, ownNamespace: boolean): string {
  if (signal === SIGKILL && OOMKilled) return "The kernel's out-of-memory killer sent it.";
  if (FAULTS.has(signal))
    return "The kernel sends it for a fault of the program itself, and so does abort(3).";
  const others = ownNamespace
    ? "it came from outside of the container, since nothing inside can end the first process so"
    : "the container shares the processes of others, who may have sent it";
  return `Who sent it is not known: not this engine, and ${others}.`;
}

function memory({ OOMKilled, Ending }: StateRecord): string[] {
  const { peak, limit, hits } = Ending?.Memory ?? {};
  if (peak === undefined || hits === undefined)
    return OOMKilled ? ["The kernel's out-of-memory killer ended a process of it."] : [];
  const near = limit === undefined ? "without a limit" : `of ${formatBinarySize(limit)} allowed`;
  if (!OOMKilled)
    return limit === undefined ? [] : [`It had used ${formatBinarySize(peak)} of memory at most, ${near}.`];
  const whose =
    hits > 0
      ? `its own limit was reached ${hits} time${hits === 1 ? "" : "s"}`
      : "its own limit was never reached: a control group above it, or the host, was out of memory; see dmesg";
  return [
    `The kernel's out-of-memory killer ended a process of it: ${whose}. It had used ${formatBinarySize(peak)} at most, ${near}.`,
  ];
}
