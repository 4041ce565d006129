/** A program in a terminal of its own, as a person uses it. */

import { eventually } from "./wait.ts";

export interface Terminal extends AsyncDisposable {
  /** All that was shown so far. */
  readonly output: string;
  /** Types text; `\x03` is Ctrl-C. */
  type(text: string): void;
  resize(columns: number, rows: number): void;
  /** Resolves to the match once the output has it. */
  see(pattern: RegExp, limit?: number): Promise<RegExpExecArray>;
  readonly exited: Promise<number>;
}

interface TerminalOptions {
  env?: Record<string, string>;
  columns?: number;
  rows?: number;
}

export function openTerminal(command: readonly string[], options: TerminalOptions = {}): Terminal {
  let output = "";
  const decoder = new TextDecoder();
  const child = Bun.spawn([...command], {
    env: { ...process.env, TERM: "xterm", ...options.env },
    terminal: {
      cols: options.columns ?? 80,
      rows: options.rows ?? 24,
      data: (_, data) => {
        output += decoder.decode(data, { stream: true });
      },
    },
  });
  const { terminal } = child;
  if (terminal === undefined) throw new Error("no terminal could be opened");
  return {
    get output() {
      return output;
    },
    type: (text) => void terminal.write(text),
    resize: (columns, rows) => terminal.resize(columns, rows),
    see: (pattern, limit = 10_000) =>
      eventually(`${pattern} in the terminal`, () => pattern.exec(output) ?? undefined, limit).catch(
        (error: unknown) => {
          throw new Error(`${String(error)}; it showed:\n${output}`);
        },
      ),
    exited: child.exited,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
      terminal.close();
    },
  };
}
