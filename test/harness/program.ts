/** Runs a program to its end, within a time limit. */

export interface Result {
  status: number;
  stdout: string;
  stderr: string;
}

interface RunOptions {
  /** Written to its standard input, which is then closed; absent: /dev/null. */
  input?: string | Uint8Array | ReadableStream<Uint8Array>;
  env?: Record<string, string>;
  cwd?: string;
  /** Milliseconds. */
  timeout?: number;
}

/** @throws when it takes longer than the limit; it has been killed then. */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<Result> {
  const timeout = options.timeout ?? 30_000;
  const child = Bun.spawn([...command], {
    stdin: stdinOf(options.input),
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, ...options.env },
    ...(options.cwd !== undefined && { cwd: options.cwd }),
  });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, timeout);
  const [stdout, stderr, status] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  clearTimeout(timer);
  if (late) throw new Error(`${command.join(" ")} took more than ${timeout} ms\n${stdout}\n${stderr}`);
  return { status, stdout, stderr };
}

function stdinOf(input: RunOptions["input"]): "ignore" | Blob | ReadableStream<Uint8Array> {
  if (input === undefined) return "ignore";
  return input instanceof ReadableStream ? input : new Blob([input]);
}
