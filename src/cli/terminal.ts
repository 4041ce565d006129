/** Our terminal: raw mode, which is undone whichever way the process ends, and its size. */

import { isatty, ReadStream, WriteStream } from "node:tty";
import { CommandError } from "./errors.ts";

export interface Size {
  height: number;
  width: number;
}

export interface Terminal {
  /** Undefined when standard output is no terminal. */
  size(): Size | undefined;
  /** Calls back with each new size until the terminal is left. */
  onResize(changed: (size: Size) => void): void;
  /** Hands keys on as they are typed. */
  enterRawMode(): void;
  /** Puts everything back. */
  leave(): void;
}

/** Throws unless standard input is a terminal. */
export function requireTerminal(): void {
  if (!isatty(0)) throw new CommandError("the input device is not a TTY", 1);
}

/** Takes hold of the terminal; nothing of it changes before a method is called. */
export function openTerminal(): Terminal {
  const output = isatty(1) ? new WriteStream(1) : undefined;
  const input = isatty(0) ? new ReadStream(0) : undefined;
  const size = () => {
    if (!output) return undefined;
    const [width, height] = output.getWindowSize();
    return { width, height };
  };
  const undo: (() => void)[] = [];
  return {
    size,
    onResize(changed) {
      const listener = () => {
        const now = size();
        if (now) changed(now);
      };
      process.on("SIGWINCH", listener);
      undo.push(() => process.off("SIGWINCH", listener));
    },
    enterRawMode() {
      if (!input) return;
      const restore = () => void input.setRawMode(false);
      process.on("exit", restore);
      undo.push(restore, () => process.off("exit", restore));
      input.setRawMode(true);
    },
    leave() {
      for (const step of undo.splice(0)) step();
      input?.unref();
    },
  };
}
