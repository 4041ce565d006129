/** Our terminal: raw mode, which is undone whichever way the process ends, and its size. */

import { isatty, ReadStream } from "node:tty";
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
  /** Hands keys on as they are typed and output as it comes: the program's own terminal does the rest. */
  enterRawMode(): void;
  /** Puts everything back. */
  leave(): void;
}

/** Throws unless standard input is a terminal. */
export function requireTerminal(): void {
  if (!isatty(0)) throw new CommandError("the input device is not a TTY");
}

/** Takes hold of the terminal; nothing of it changes before a method is called. */
export function openTerminal(): Terminal {
  const output = isatty(1) ? process.stdout : undefined;
  const undo: (() => void)[] = [];
  const size = () => output && { width: output.columns, height: output.rows };
  return {
    size,
    onResize(changed) {
      const listener = () => {
        const now = size();
        if (now) changed(now);
      };
      output?.on("resize", listener);
      undo.push(() => output?.off("resize", listener));
    },
    enterRawMode() {
      if (!isatty(0)) return;
      const setMode = modeSwitch();
      const restore = () => setMode("normal");
      process.on("exit", restore);
      undo.push(restore, () => process.off("exit", restore));
      setMode("raw");
    },
    leave() {
      for (const step of undo.splice(0)) step();
    },
  };
}

/** uv_tty_mode_t of libuv: the mode in which output is left alone as well, which is cfmakeraw(3)'s. */
const UV_TTY_MODE_IO = 2;

type ModeSwitch = (mode: "raw" | "normal") => void;

/**
 * How standard input's terminal is set. The setRawMode of node:tty leaves output processing on, so that the `\r\n` of the program's own
 * terminal would become `\r\r\n`, and a bare `\n` of a program that fills the screen would jump to the left. The binding behind it
 * knows the better mode; it is undocumented, so that node:tty is the way where it should be missing.
 */
function modeSwitch(): ModeSwitch {
  const wrap: unknown =
    "binding" in process && typeof process.binding === "function" && process.binding("tty_wrap");
  if (isTtyWrap(wrap)) {
    const terminal = new wrap.TTY(0);
    return (mode) => void terminal.setRawMode(mode === "raw" ? UV_TTY_MODE_IO : 0);
  }
  const input = new ReadStream(0);
  return (mode) => void input.setRawMode(mode === "raw").unref();
}

interface TtyWrap {
  TTY: new (fd: number) => { setRawMode(mode: number): unknown };
}

function isTtyWrap(value: unknown): value is TtyWrap {
  return typeof value === "object" && value !== null && "TTY" in value && typeof value.TTY === "function";
}
