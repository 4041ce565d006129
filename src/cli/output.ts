/** Standard output and standard error. Bun's writers are used: node's process.stdout takes 14 ms to come into being. */

type Sink = ReturnType<typeof Bun.stdout.writer>;

let out: Sink | undefined;
let err: Sink | undefined;

/** The code a shell gives a program that SIGPIPE ended, which is how Go's programs go when their reader has gone. */
const BROKEN_PIPE = 141;

/** Writes text to standard output. */
export function print(text: string): void {
  out ??= Bun.stdout.writer();
  out.write(text);
}

/** Writes text to standard error, after what standard output has had so far. */
export function printError(text: string): void {
  flush(out)?.catch(failed);
  err ??= Bun.stderr.writer();
  err.write(text);
  flush(err)?.catch(failed);
}

/** Writes bytes to a stream of ours; a promise when the reader is behind, which is back-pressure. */
export function writeTo(stream: "stdout" | "stderr", bytes: Uint8Array): Promise<void> | undefined {
  if (stream === "stdout") out ??= Bun.stdout.writer();
  else err ??= Bun.stderr.writer();
  const sink = stream === "stdout" ? out : err;
  sink?.write(bytes);
  return flush(sink);
}

/** Waits until all is written. */
export async function flushOutput(): Promise<void> {
  await flush(out);
  await flush(err);
}

function flush(sink: Sink | undefined): Promise<void> | undefined {
  try {
    const result = sink?.flush();
    return result instanceof Promise ? result.then(() => undefined, failed) : undefined;
  } catch (error) {
    return failed(error);
  }
}

function failed(error: unknown): never {
  if (error instanceof Error && "code" in error && error.code === "EPIPE") process.exit(BROKEN_PIPE);
  throw error;
}
