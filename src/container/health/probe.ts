/** One probe of a container's health: an exec whose output is kept, within a time limit. */

import type { Duplex } from "node:stream";
import type { HealthLogEntry } from "../../spec/docker.ts";
import { messageOf } from "../../std/errors.ts";
import { demultiplexer } from "../../std/stdcopy.ts";
import { rfc3339, wallClock } from "../../std/time.ts";
import { formatGoDuration } from "../../std/units.ts";
import { type Container, nameOf } from "../container.ts";
import type { Context } from "../context.ts";
import { type Begun, begin, launch, openStreams, registerExec } from "../exec/run.ts";
import { SIGKILL } from "../signals.ts";

/** Bytes of output that are kept. */
const MOST_OUTPUT = 4096;
/** Docker's for a probe that took too long or could not be run. */
const NO_EXIT_CODE = -1;

export interface Probe {
  command: string[];
  /** Milliseconds until it is killed. */
  timeout: number;
  /** The next one is so far away that the shim may doze. */
  restAfter: boolean;
}

/** Runs it to its end; whatever goes wrong is in the result. */
export async function runProbe(
  context: Context,
  container: Container,
  probe: Probe,
): Promise<HealthLogEntry> {
  const Start = rfc3339(wallClock());
  const outcome = await execute(context, container, probe).catch((error) => ({
    ExitCode: NO_EXIT_CODE,
    Output: messageOf(error),
  }));
  return { Start, End: rfc3339(wallClock()), ...outcome };
}

type Outcome = Pick<HealthLogEntry, "ExitCode" | "Output">;

async function execute(context: Context, container: Container, probe: Probe): Promise<Outcome> {
  const request = { Cmd: probe.command, AttachStdout: true, AttachStderr: true };
  const exec = registerExec(context, { container, name: nameOf(container).id }, request);
  // Nobody else knows of it, so nobody asks for it later.
  using _ = { [Symbol.dispose]: () => void context.execs.delete(exec.id) };
  const begun = begin(context, exec);
  const stream = await openStreams(begun);
  const output = new Output(stream);
  try {
    const { ended } = await launch(context, begun, { attachments: 1, restAfter: probe.restAfter });
    const inTime = await within(ended, begun, probe.timeout);
    const exitCode = await ended;
    await output.complete;
    return inTime ? { ExitCode: exitCode, Output: output.text } : tooLate(output.text, probe);
  } finally {
    stream.destroy();
  }
}

/** Whether it ends in time; if not, it is killed. */
async function within(ended: Promise<number>, { exec, live }: Begun, timeout: number): Promise<boolean> {
  let inTime = true;
  const timer = setTimeout(() => {
    inTime = false;
    // One that has ended meanwhile, or whose container has, needs no signal.
    live.shim.signal(SIGKILL, { exec: exec.id }).catch(() => undefined);
  }, timeout);
  await ended;
  clearTimeout(timer);
  return inTime;
}

function tooLate(output: string, { timeout }: Probe): Outcome {
  const sentence = `Health check exceeded timeout (${formatGoDuration(timeout)})`;
  return { ExitCode: NO_EXIT_CODE, Output: output === "" ? sentence : `${sentence}: ${output}` };
}

/** Both outputs as they come, up to a bound; what is beyond it is read and dropped. */
class Output {
  /** Resolves at the end of the stream, however that comes. */
  readonly complete: Promise<void>;
  readonly #kept = Buffer.alloc(MOST_OUTPUT);
  #length = 0;
  #truncated = false;

  constructor(stream: Duplex) {
    const demultiplex = demultiplexer((_stream, bytes) => this.#keep(bytes));
    this.complete = new Promise((resolve) => {
      stream.on("data", demultiplex);
      stream.on("error", () => resolve());
      stream.on("end", () => resolve());
      stream.on("close", () => resolve());
    });
  }

  get text(): string {
    const text = this.#kept.toString("utf8", 0, this.#length);
    return this.#truncated ? `${text}...` : text;
  }

  #keep(bytes: Uint8Array): void {
    const room = bytes.subarray(0, MOST_OUTPUT - this.#length);
    this.#kept.set(room, this.#length);
    this.#length += room.length;
    if (room.length < bytes.length) this.#truncated = true;
  }
}
