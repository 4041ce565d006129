/** Attaching to a container's program: before its start, while it runs, and to what it left in its log. */

import { Duplex, Readable } from "node:stream";
import { readablePath, readLog } from "../logs/mod.ts";
import type { AttachRequest } from "../shim/handle.ts";
import type { AttachOptions } from "../spec/docker_query.ts";
import { FathomError, kindOf } from "../std/errors.ts";
import { type Container, nameOf, type Pending } from "./container.ts";
import type { Context } from "./context.ts";
import { restarting } from "./state.ts";
import { tell } from "./tell.ts";

/**
 * Both directions of the program. Of a container that does not run the stream waits for its start, which waits for the stream.
 * The caller holds `exclusive`, so that no start comes in between.
 * @throws {FathomError} conflict, while it is paused or about to be started again.
 */
export async function attachTo(
  context: Context,
  container: Container,
  options: AttachOptions,
): Promise<{ tty: boolean; stream: Duplex }> {
  const { state, config } = container.record;
  const { id } = nameOf(container);
  if (state.Status === "paused")
    throw new FathomError("conflict", `container ${id} is paused, unpause the container before attach`);
  if (state.Status === "restarting") throw new FathomError("conflict", restarting(id));
  tell(context, container, { action: "attach" });
  const tty = config.Config.Tty;
  if (!options.stream)
    return { tty, stream: readOnly(options.logs ? replay(container, options) : nothing()) };
  const attached = await live(context, container, options);
  if (attached === undefined)
    return { tty, stream: readOnly(options.logs ? replay(container, options) : nothing()) };
  const { stream, logOffset, logFile } = attached;
  if (!options.logs) return { tty, stream };
  const stopAt = logFile === undefined ? undefined : { file: logFile, offset: logOffset };
  return { tty, stream: joined(replay(container, options, stopAt), stream) };
}

type Attached = Awaited<ReturnType<Pending["shim"]["attach"]>>;

/**
 * Undefined where nothing is to come: the program has ended this moment, or had ended and what it wrote is wanted, as by a client
 * that attaches after the start of a program that is faster than itself.
 */
async function live(
  context: Context,
  container: Container,
  options: AttachOptions,
): Promise<Attached | undefined> {
  const request = requestOf(container, options);
  if (container.live === undefined) {
    const { Status } = container.record.state;
    const ended = Status === "exited" || Status === "dead";
    return ended && options.logs ? undefined : attachAhead(context, container, request);
  }
  const { shim } = container.live;
  try {
    return await shim.attach(request);
  } catch (error) {
    if (kindOf(error) !== "conflict" && kindOf(error) !== "unavailable") throw error;
    // Its last output is in the log once its end is told; that it was lost is told by whoever watches it.
    await shim.exited.catch(() => undefined);
    return undefined;
  }
}

function requestOf({ record }: Container, options: AttachOptions): AttachRequest {
  return {
    target: {},
    stdin: options.stdin && record.config.Config.OpenStdin,
    stdout: options.stdout,
    stderr: options.stderr,
    ...(options.detachKeys && { detachKeys: options.detachKeys }),
  };
}

/** On a shim that the next start will use; another one where that has been killed while it waited and nobody was attached to it. */
async function attachAhead(
  context: Context,
  container: Container,
  request: AttachRequest,
): Promise<Attached> {
  const isFirst = container.pending === undefined;
  try {
    return await attachToNext(context, container, request);
  } catch (error) {
    if (!isFirst || kindOf(error) !== "unavailable") throw error;
    return attachToNext(context, container, request);
  }
}

/** The shim is let go when everybody who attached has gone before the start. */
async function attachToNext(
  context: Context,
  container: Container,
  request: AttachRequest,
): Promise<Attached> {
  const { receipts, shims } = context.options;
  const taking =
    container.pending ??
    receipts.record(nameOf(container).id, async () => ({ shim: await shims.take(), attachments: 0 }));
  container.pending = taking;
  const giveUp = () => {
    if (container.pending === taking) container.pending = undefined;
  };
  try {
    const pending = await taking;
    const attached = await pending.shim.attach(request);
    pending.attachments++;
    attached.stream.once("close", () => {
      pending.attachments--;
      if (pending.attachments > 0 || container.pending !== taking) return;
      giveUp();
      pending.shim.close();
    });
    return attached;
  } catch (error) {
    giveUp();
    // Where taking a shim is what failed, there is none to close.
    void taking.then(({ shim }) => shim.close()).catch(() => undefined);
    throw error;
  }
}

function replay(
  { record, paths }: Container,
  options: AttachOptions,
  stopAt?: { file: string; offset: number },
): AsyncIterable<Uint8Array> {
  const path = readablePath(record.host.LogConfig, paths);
  if (path === undefined) return nothing();
  return readLog(path, {
    stdout: options.stdout,
    stderr: options.stderr,
    timestamps: false,
    details: false,
    since: 0n,
    until: 0n,
    framed: !record.config.Config.Tty,
    tail: "all",
    ...(stopAt && { stopAt }),
  });
}

async function* nothing(): AsyncGenerator<Uint8Array> {
  yield* [];
}

/** Output alone; what is written to it goes nowhere. */
function readOnly(output: AsyncIterable<Uint8Array>): Duplex {
  return joined(output);
}

/** A stream that gives `first` and then what `rest` gives, and passes on what is written, ended or destroyed. */
function joined(first: AsyncIterable<Uint8Array>, rest?: Duplex): Duplex {
  const output = Readable.from(both(first, rest), { objectMode: false });
  const stream: Duplex = new Duplex({
    read: () => void output.resume(),
    write: (chunk, _encoding, done) => (rest === undefined ? done() : void rest.write(chunk, done)),
    final: (done) => (rest === undefined ? done() : void rest.end(done)),
    destroy: (error, done) => {
      output.destroy();
      rest?.destroy();
      done(error);
    },
  });
  output.on("data", (chunk) => {
    if (!stream.push(chunk)) output.pause();
  });
  output.on("end", () => stream.push(null));
  output.on("error", (error) => stream.destroy(error));
  output.pause();
  return stream;
}

async function* both(first: AsyncIterable<Uint8Array>, rest?: Duplex): AsyncGenerator<Uint8Array> {
  yield* first;
  if (rest !== undefined) yield* rest as AsyncIterable<Uint8Array>;
}
