/** Asking on the terminal. */

import { isatty } from "node:tty";
import { CommandError } from "./errors.ts";
import { print } from "./output.ts";
import { openTerminal } from "./terminal.ts";

const [ENTER, NEWLINE, BACKSPACE, DELETE, INTERRUPT, END] = [13, 10, 8, 127, 3, 4];

/** One line of standard input, which the terminal echoes. */
export async function ask(question: string): Promise<string> {
  print(question);
  return lineOf(Bun.stdin.stream());
}

/** One line that is not shown as it is typed. @throws {CommandError} where standard input is no terminal, or at Ctrl-C */
export async function askSecretly(question: string): Promise<string> {
  if (!isatty(0)) throw new CommandError("Error: Cannot perform an interactive login from a non TTY device");
  const terminal = openTerminal();
  print(question);
  terminal.enterRawMode();
  try {
    return await typed();
  } finally {
    terminal.leave();
    print("\n");
  }
}

async function typed(): Promise<string> {
  const bytes: number[] = [];
  for await (const piece of Bun.stdin.stream()) {
    for (const byte of piece) {
      if (byte === INTERRUPT) throw new CommandError("", 130);
      if (byte === ENTER || byte === NEWLINE || byte === END) return Buffer.from(bytes).toString();
      if (byte === BACKSPACE || byte === DELETE) bytes.pop();
      else bytes.push(byte);
    }
  }
  return Buffer.from(bytes).toString();
}

/** Its first line, without the end of it. */
async function lineOf(input: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const piece of input) {
    text += decoder.decode(piece, { stream: true });
    if (text.includes("\n")) break;
  }
  return text.split("\n", 1)[0]?.replace(/\r$/, "") ?? "";
}

/** All of standard input, without the newline at its end. */
export async function readSecret(): Promise<string> {
  return (await new Response(Bun.stdin.stream()).text()).replace(/\r?\n$/, "");
}
